/** Where the boxes of a table and its neighbours stand: what it refers to on the left, what refers to it on the right. */

/**
 * @typedef {object} Box
 * @property {number} index of the link; -1 for the table itself
 * @property {number} x
 * @property {number} y
 * @property {number} width
 */
/** @typedef {{from: [number, number], to: [number, number]}} Line from the side that holds the key to the side that it names */

export const BOX_HEIGHT = 48;
const STEP = 60;
const WIDEST = 250;
const GAP = 64;

/**
 * @param {boolean[]} forward for each link whether the table itself holds the key
 * @param {number} width
 * @returns {{height: number, boxes: Box[], lines: Line[]}} the lines in the order of the links
 */
export function layoutDiagram(forward, width) {
  const left = forward.flatMap((own, index) => (own ? [index] : []));
  const right = forward.flatMap((own, index) => (own ? [] : [index]));
  const height = Math.max(left.length, right.length, 1) * STEP;
  const box = Math.max(90, Math.min(WIDEST, Math.floor((width - 2 * GAP) / 3)));
  const middle = { index: -1, x: Math.round((width - box) / 2), y: Math.round((height - BOX_HEIGHT) / 2), width: box };
  const side = (/** @type {number[]} */ links, /** @type {number} */ x) => links.map((index, at) => ({
    index, x, y: Math.round((height - links.length * STEP) / 2 + at * STEP + (STEP - BOX_HEIGHT) / 2), width: box,
  }));
  const boxes = [middle, ...side(left, 0), ...side(right, Math.max(0, width - box))];
  const lines = forward.map((own, index) => {
    const place = /** @type {Box} */ (boxes.find((each) => each.index === index));
    const peers = own ? left : right;
    const at = middle.y + ((peers.indexOf(index) + 1) * BOX_HEIGHT) / (peers.length + 1);
    const beside = place.y + BOX_HEIGHT / 2;
    /** @type {[number, number]} */
    const mine = own ? [middle.x, at] : [middle.x + box, at];
    /** @type {[number, number]} */
    const theirs = own ? [box, beside] : [place.x, beside];
    return own ? { from: mine, to: theirs } : { from: theirs, to: mine };
  });
  return { height, boxes, lines };
}

/** A line that leaves and arrives level. @param {Line} line */
export function curve({ from: [x1, y1], to: [x2, y2] }) {
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

/** A small head at the end of a line. @param {Line} line */
export function arrow({ from: [x1], to: [x2, y2] }) {
  const back = x2 > x1 ? -7 : 7;
  return `M${x2 + back} ${y2 - 4}L${x2} ${y2}L${x2 + back} ${y2 + 4}`;
}
