/** Columns: their header, widths and the window of those that are in view. Numbers in, numbers out. */

import { h, icon } from "./core.js";

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {string} kind
 * @property {string} type the type in words, for the tooltip
 * @property {boolean} nullable
 * @property {boolean} primary_key
 * @property {boolean} sortable
 * @property {boolean} [indexed] whether an index has its order
 * @property {string[]} [choices] the members of an enum
 * @property {{table: string, schema: string | null, column: string}} [references] where its foreign key leads
 * @property {number} [place] where it stands in the rows that the kernel sends
 */

/**
 * How the user arranged the columns; all by name.
 * @typedef {object} Layout
 * @property {string[]} [order]
 * @property {string[]} [hidden]
 * @property {string[]} [pinned]
 * @property {Record<string, number>} [widths]
 */

/** @typedef {{column: string, descending: boolean}} SortKey */

export const MIN_WIDTH = 48;
export const MAX_FIT = 340;

/** Short marks for the kinds of column, read at a glance. @type {Record<string, string>} */
const BADGES = {
  integer: "123",
  float: "1.5",
  decimal: "0.00",
  boolean: "T/F",
  text: "abc",
  enum: "enum",
  date: "date",
  time: "time",
  timestamp: "date+time",
  interval: "span",
  uuid: "uuid",
  json: "{ }",
  binary: "0x",
  array: "[ ]",
};

/** @param {string} kind */
export const badge = (kind) => BADGES[kind] ?? "?";

/** @param {string} kind */
export const isNumeric = (kind) => kind === "integer" || kind === "float" || kind === "decimal";

/**
 * Left edges of all columns, and the right edge of the last.
 * @param {readonly number[]} widths
 */
export function edges(widths) {
  const result = [0];
  for (const width of widths) result.push(result[result.length - 1] + width);
  return result;
}

/**
 * The columns that touch the view: from the first to before the second number.
 * @param {readonly number[]} lefts as `edges` gives them
 * @param {number} x
 * @param {number} width
 * @param {number} [from] the first that scrolls; those before it are pinned
 * @returns {[number, number]}
 */
export function columnWindow(lefts, x, width, from = 0) {
  const count = lefts.length - 1;
  let first = from;
  while (first < count - 1 && lefts[first + 1] <= x) first += 1;
  let end = first;
  while (end < count && lefts[end] < x + width) end += 1;
  return [first, Math.max(end, Math.min(count, first + 1))];
}

/**
 * The sort after a click on a column: ascending, descending, none; with Shift beside the others.
 * @param {readonly SortKey[]} sort
 * @param {string} column
 * @param {boolean} keepOthers
 * @returns {SortKey[]}
 */
export function nextSort(sort, column, keepOthers) {
  const now = sort.find((key) => key.column === column);
  const step = now ? (now.descending ? [] : [{ column, descending: true }]) : [{ column, descending: false }];
  if (!keepOthers) return step;
  if (!now) return [...sort, ...step];
  return sort.flatMap((key) => (key.column === column ? step : [key]));
}

/**
 * The columns as they are shown: pinned ones first, hidden ones not at all; each knows its place in the kernel's rows.
 * @param {Column[]} columns
 * @param {Layout} layout
 * @returns {{shown: Column[], pins: number}}
 */
export function arranged(columns, layout) {
  const order = new Map((layout.order ?? []).map((name, at) => [name, at]));
  const hidden = new Set(layout.hidden ?? []);
  const pinned = new Set(layout.pinned ?? []);
  const placed = columns.map((column, place) => ({ ...column, place }));
  const rank = (/** @type {Column & {place: number}} */ column) => order.get(column.name) ?? column.place;
  const shown = placed.filter(({ name }) => !hidden.has(name)).sort((a, b) => rank(a) - rank(b) || a.place - b.place);
  const first = shown.filter(({ name }) => pinned.has(name));
  return { shown: [...first, ...shown.filter(({ name }) => !pinned.has(name))], pins: first.length };
}

/**
 * The names after one of them was moved beside another.
 * @param {string[]} names
 * @param {string} name
 * @param {number} to its new place
 */
export function movedTo(names, name, to) {
  const rest = names.filter((other) => other !== name);
  rest.splice(Math.max(0, Math.min(to, rest.length)), 0, name);
  return rest;
}

/** @type {CanvasRenderingContext2D | null} */
let ruler = null;

/**
 * Width of a text in the grid's font, measured off the page so that no layout is forced.
 * @param {string} text
 * @param {string} font
 */
export function textWidth(text, font) {
  ruler ??= document.createElement("canvas").getContext("2d");
  if (!ruler) return text.length * 7.5;
  if (ruler.font !== font) ruler.font = font;
  return ruler.measureText(text).width;
}

/**
 * A width that shows the name and nearly all of the given texts.
 * @param {Column} column
 * @param {string[]} texts
 * @param {string} font
 */
export function fitWidth(column, texts, font) {
  const marks = textWidth(badge(column.kind), font) * 0.8 + 40 + (column.primary_key ? 26 : 0) + (column.references ? 26 : 0);
  const head = textWidth(column.name, `600 ${font}`) + marks;
  const body = texts.map((text) => textWidth(text.slice(0, 80), font)).sort((a, b) => a - b);
  const most = body.length ? body[Math.min(body.length - 1, Math.floor(body.length * 0.96))] + 24 : 0;
  return Math.round(Math.max(MIN_WIDTH, Math.min(MAX_FIT, Math.max(head, most))));
}

/**
 * The header cell of one column.
 * @param {Column} column
 * @param {SortKey[]} sort
 */
export function headerCell(column, sort) {
  const at = sort.findIndex((key) => key.column === column.name);
  const key = sort[at];
  const classes = ["mdb-th", isNumeric(column.kind) && "mdb-num", key && "mdb-sorted", column.sortable && "mdb-sortable"];
  return h(
    "div",
    {
      class: classes.filter(Boolean).join(" "),
      role: "columnheader",
      title: headerTitle(column),
      "aria-sort": key ? (key.descending ? "descending" : "ascending") : column.sortable ? "none" : undefined,
    },
    // The arrow of a sort takes the place of the badge, so that the column need not be wider for it.
    !key && h("span", { class: "mdb-badge" }, badge(column.kind)),
    column.primary_key && h("span", { class: "mdb-badge mdb-pk" }, "PK"),
    h("span", { class: "mdb-th-name" }, column.name),
    column.references && h("span", { class: "mdb-badge mdb-fk", title: `refers to ${column.references.table}` }, "FK"),
    key && sortMark(key, sort.length > 1 ? at + 1 : 0),
    h("span", { class: "mdb-th-menu", "aria-hidden": "true", title: "Sort, filter, move, hide" }, icon("chevron")),
    h("span", { class: "mdb-grip" }),
  );
}

/** @param {SortKey} key @param {number} place */
const sortMark = (key, place) =>
  h("span", { class: "mdb-sort" }, icon(key.descending ? "down" : "up"), place > 0 && h("sup", {}, String(place)));

/** @param {Column} column */
const headerTitle = (column) =>
  [
    column.name,
    [column.type, column.primary_key && "primary key", column.nullable ? "may be NULL" : "never NULL", column.indexed && "indexed"].filter(Boolean).join(" · "),
    column.references && `refers to ${column.references.table}.${column.references.column}`,
  ].filter(Boolean).join("\n");
