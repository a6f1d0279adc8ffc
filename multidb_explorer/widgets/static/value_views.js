/** Whole values as something to read: a JSON tree that rounds no number, a dump of bytes, the kind of a picture. */

import { h } from "./core.js";

const SHOWN_AT_ONCE = 200;
const OPEN_TO = 2;

/** A number with all the digits that it was written with. */
export class Digits {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/** @param {string} digits */
const isRounded = (digits) => String(Number(digits)) !== digits;

/**
 * JSON as values; a number that a double would round, or write otherwise, keeps its text.
 * @param {string} text
 * @returns {any} undefined where it is no JSON
 */
export function parseJson(text) {
  // Such numbers travel through the parser as texts that nothing else begins like.
  const mark = `\u0001${Math.random()}:`;
  const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  const safe = text.replace(token, (found) => (found[0] !== '"' && isRounded(found) ? JSON.stringify(mark + found) : found));
  try {
    return JSON.parse(safe, (_, value) => (typeof value === "string" && value.startsWith(mark) ? new Digits(value.slice(mark.length)) : value));
  } catch {
    return undefined;
  }
}

/** What stands for a value in one line. @param {any} value @returns {{text: string, look: string}} */
export function jsonLeaf(value) {
  if (value instanceof Digits) return { text: value.text, look: "number" };
  if (value === null) return { text: "null", look: "null" };
  if (typeof value === "string") return { text: JSON.stringify(value), look: "string" };
  if (typeof value === "object") {
    const count = Array.isArray(value) ? value.length : Object.keys(value).length;
    return { text: Array.isArray(value) ? `[${count}]` : `{${count}}`, look: "size" };
  }
  return { text: String(value), look: typeof value === "boolean" ? "boolean" : "number" };
}

/** @param {any} value */
const isBranch = (value) => typeof value === "object" && value !== null && !(value instanceof Digits);

/**
 * A tree whose branches open and close; what is inside of one is made when it opens.
 * @param {any} value
 * @param {string} [name]
 * @param {number} [depth]
 * @returns {HTMLElement}
 */
export function jsonTree(value, name = "", depth = 0) {
  const { text, look } = jsonLeaf(value);
  const label = name ? [h("span", { class: "mdb-json-name" }, name), ": "] : [];
  const leaf = h("span", { class: `mdb-json-${look}` }, text);
  if (!isBranch(value)) return h("div", { class: "mdb-json-line" }, ...label, leaf);
  const entries = Array.isArray(value) ? value.map((item, at) => [String(at), item]) : Object.entries(value);
  const inside = h("div", { class: "mdb-json-inside" });
  const branch = h("details", { class: "mdb-json" }, h("summary", {}, ...label, leaf), inside);
  const fill = () => inside.hasChildNodes() || more(inside, entries, 0, depth + 1);
  branch.addEventListener("toggle", () => branch.open && fill());
  if (depth < OPEN_TO && entries.length) {
    branch.open = true;
    fill();
  }
  return branch;
}

/** @param {HTMLElement} inside @param {any[][]} entries @param {number} from @param {number} depth */
function more(inside, entries, from, depth) {
  const end = Math.min(entries.length, from + SHOWN_AT_ONCE);
  for (const [name, value] of entries.slice(from, end)) inside.append(jsonTree(value, name, depth));
  if (end === entries.length) return;
  const button = h("button", { class: "mdb-link", type: "button" }, `${entries.length - end} more`);
  button.addEventListener("click", () => {
    button.remove();
    more(inside, entries, end, depth);
  });
  inside.append(button);
}

/** Bytes sixteen a line: place, hexadecimal, and what of it is text. @param {Uint8Array} bytes */
export function hexDump(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const digits = part.map((byte) => byte.toString(16).padStart(2, "0"));
    const hex = `${digits.slice(0, 8).join(" ")}  ${digits.slice(8).join(" ")}`.padEnd(49);
    const text = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex} ${text}`);
  }
  return lines.join("\n");
}

/** @type {[string, number[]][]} */
const PICTURES = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/gif", [0x47, 0x49, 0x46, 0x38]],
];

/** What picture begins with these bytes; empty for none. No SVG: that may hold scripts. @param {Uint8Array} bytes */
export const pictureType = (bytes) => PICTURES.find(([, magic]) => magic.every((byte, at) => bytes[at] === byte))?.[0] ?? "";
