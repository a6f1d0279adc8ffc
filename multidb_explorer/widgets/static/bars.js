/** Small drawings of counts. */

const SPACE = "http://www.w3.org/2000/svg";

/**
 * Bars side by side as high as their counts; none that is not empty vanishes.
 * @param {number[]} counts
 * @param {number} width
 * @param {number} height
 * @returns {{x: number, y: number, width: number, height: number}[]}
 */
export function barsOf(counts, width, height) {
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  const gap = step > 5 ? 1 : 0;
  return counts.map((count, at) => {
    const high = count > 0 ? Math.max(1.5, (count / most) * height) : 0;
    return { x: at * step + gap / 2, y: height - high, width: Math.max(0.5, step - gap), height: high };
  });
}

/**
 * A histogram as a picture with words.
 * @param {{low: string | null, count: number}[]} steps
 * @param {string} label
 */
export function histogramPicture(steps, label) {
  const [width, height] = [240, 54];
  const picture = document.createElementNS(SPACE, "svg");
  picture.setAttribute("class", "mdb-bars");
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", label);
  for (const [at, bar] of barsOf(steps.map(({ count }) => count), width, height).entries()) {
    const node = document.createElementNS(SPACE, "rect");
    for (const [name, value] of Object.entries(bar)) node.setAttribute(name, value.toFixed(2));
    const title = document.createElementNS(SPACE, "title");
    const end = steps[at + 1]?.low;
    title.textContent = `${steps[at].low ?? ""}${end ? ` – ${end}` : ""}: ${steps[at].count.toLocaleString("en")}`;
    node.append(title);
    picture.append(node);
  }
  return picture;
}

/** "12.5%", "< 0.1%". @param {number} part @param {number} all */
export function percent(part, all) {
  if (!part || !all) return "0%";
  const share = (part / all) * 100;
  if (share < 0.1) return "< 0.1%";
  return share > 99.9 && share < 100 ? "> 99.9%" : `${share.toFixed(1).replace(/\.0$/, "")}%`;
}
