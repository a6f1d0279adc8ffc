/** How staged cells look, in words and classes; the colours are the stylesheet's. */

/** @typedef {import("./editors.js").EditColumn} EditColumn */
/** @typedef {import("./editors.js").Typed} Typed */
/**
 * What is staged for a row.
 * @typedef {object} Mark
 * @property {"new" | "changed" | "deleted"} state
 * @property {Record<string, any>} cells encoded values by column
 * @property {Record<string, string>} [conflicts] what somebody else put into a cell meanwhile, by column
 * @property {Record<string, string>} problems why the database did not take a cell, by column
 */

/** What Delete puts into a cell: NULL where that may be, else the empty text. @param {EditColumn} field @returns {Typed} */
export const emptied = (field) => (field.nullable || (field.kind !== "text" && field.kind !== "other") ? { null: true } : { text: "" });

/** A typed value as it is shown until the kernel has read it. @param {Typed} typed @returns {import("./core.js").Shown} */
export const typedLook = (typed) =>
  typed.null ? { text: "NULL", look: "null", mark: "" } : typed.default ? { text: "default", look: "null", mark: "" } : { text: typed.text ?? "", look: "", mark: "" };

/** How a cell of a new row looks that nobody has filled. @param {EditColumn | undefined} field @returns {import("./core.js").Shown & {missing: boolean}} */
export function unsetLook(field) {
  const missing = Boolean(field && !field.nullable && !field.made_by_server);
  const text = missing ? "required" : field?.generated ? "computed" : field?.default ? "default" : field?.made_by_server ? "automatic" : "NULL";
  return { text, look: "null", mark: "", missing };
}

/** What stood in a cell before, in words. @param {{value: any} | undefined} before */
const wasText = (before) => (!before ? "" : before.value === null ? "NULL" : typeof before.value === "object" ? "a long value" : `“${before.value}”`);

/**
 * How a cell of a staged row looks; null for as it is.
 * @param {Mark} mark
 * @param {{name: string, kind: string, field: EditColumn | undefined, before: {value: any} | undefined}} cell
 * @returns {import("./data_grid.js").CellLook | null}
 */
export function markLook(mark, { name, kind, field, before }) {
  const theirs = mark.conflicts?.[name];
  const problem = mark.problems[name] ?? (theirs === undefined ? undefined : `Conflict: somebody else put ${theirs} here; save again to decide`);
  const trouble = theirs !== undefined ? " mdb-conflict-cell" : problem ? " mdb-problem-cell" : "";
  if (mark.state === "deleted") return { look: ` mdb-staged${trouble}`, title: problem ?? "This row will be deleted" };
  const has = name in mark.cells;
  if (mark.state === "changed" && !has) return null;
  if (!has) {
    const unset = unsetLook(field);
    return { shown: unset, look: ` mdb-staged mdb-unset${unset.missing ? " mdb-missing" : ""}${trouble}`, title: problem ?? (unset.missing ? "Needs a value" : `New: ${unset.text}`) };
  }
  const value = mark.cells[name];
  const shown = value?.waits ? { shown: { text: value.waits, look: /** @type {const} */ ("null"), mark: "" } } : { cell: { tag: kind, value } };
  if (mark.state === "new") return { ...shown, look: ` mdb-staged${trouble}`, title: problem ?? "New" };
  const was = wasText(before);
  return { ...shown, look: ` mdb-staged mdb-changed${trouble}`, title: problem ?? `Changed${was && `, was ${was}`}` };
}
