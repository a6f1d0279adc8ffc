/** What the SQL box works out of its text: numbers in, numbers out. */

/**
 * Where an error says that it is, as a range of the text; null where it does not say.
 * @param {string} sql as it was typed
 * @param {string} message of the database
 * @returns {[number, number] | null}
 */
export function errorSpot(sql, message) {
  const lead = sql.length - sql.trimStart().length;
  const place = /LINE (\d+): (.*)\n( *)\^/.exec(message);
  if (place) {
    // The line may be cut at its beginning, so the place is looked for by the text around it.
    const column = place[3].length - `LINE ${place[1]}: `.length;
    const line = lineStart(sql.slice(lead), Number(place[1]) - 1);
    const shown = place[2].replace(/^\.\.\./, "");
    const shift = place[2].length - shown.length;
    const at = sql.indexOf(shown.replace(/\.\.\.$/, ""), lead + line);
    return at < 0 || column < 0 ? null : wordAt(sql, at + column - shift);
  }
  const near = /near (?:"([^"]+)"|'([^']+)')/.exec(message);
  const word = near?.[1] ?? near?.[2]?.slice(0, 20);
  const at = word ? sql.toLowerCase().lastIndexOf(word.toLowerCase()) : -1;
  return word && at >= 0 ? [at, at + word.length] : null;
}

/** @param {string} text @param {number} line */
function lineStart(text, line) {
  let at = 0;
  for (let n = 0; n < line; n += 1) at = text.indexOf("\n", at) + 1;
  return at;
}

/** The word at a place, or the one sign there. @param {string} sql @param {number} at @returns {[number, number]} */
function wordAt(sql, at) {
  const word = /^\w+/.exec(sql.slice(at));
  return [at, Math.min(sql.length, at + (word ? word[0].length : 1))];
}

/**
 * Line and column of a place, both from 0.
 * @param {string} text
 * @param {number} at
 * @returns {[number, number]}
 */
export function lineAndColumn(text, at) {
  const before = text.slice(0, at).split("\n");
  return [before.length - 1, before[before.length - 1].length];
}

/**
 * Whether an arrow up or down at this place means the history and not another line.
 * @param {string} text
 * @param {number} at
 * @param {"ArrowUp" | "ArrowDown"} key
 */
export const atEdge = (text, at, key) => (key === "ArrowUp" ? !text.slice(0, at).includes("\n") : !text.slice(at).includes("\n"));
