/** Code to look at: lightly coloured, never markup. */

import { h, icon } from "./core.js";

/** @typedef {"python" | "sql"} Language */

const PYTHON_WORDS = new Set(["and", "as", "False", "for", "from", "if", "import", "in", "is", "None", "not", "or", "True", "with"]);
const PIECES = /(?<comment>#[^\n]*|--[^\n]*)|(?<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`\n]*`)|(?<number>\b\d[\d_]*(?:\.\d+)?\b)|(?<word>[^\W\d]\w*)/gu;

/**
 * Code in pieces, each with what it is.
 * @param {string} code
 * @param {Language} language
 * @returns {["" | "comment" | "text" | "number" | "keyword" | "call", string][]}
 */
export function piecesOf(code, language) {
  /** @type {["" | "comment" | "text" | "number" | "keyword" | "call", string][]} */
  const pieces = [];
  let end = 0;
  for (const found of code.matchAll(PIECES)) {
    const at = found.index;
    const kind = kindOf(found, code[at + found[0].length], language);
    if (!kind) continue;
    if (at > end) pieces.push(["", code.slice(end, at)]);
    pieces.push([kind, found[0]]);
    end = at + found[0].length;
  }
  if (end < code.length) pieces.push(["", code.slice(end)]);
  return pieces;
}

/** @param {RegExpMatchArray} found @param {string | undefined} next @param {Language} language */
function kindOf({ 0: text, groups }, next, language) {
  if (groups?.comment) return text.startsWith("#") === (language === "python") ? "comment" : "";
  if (groups?.text) return "text";
  if (groups?.number) return "number";
  // A statement that a database wrote has its keywords in capitals; whatever else is a name stays as it is.
  if (language === "sql") return /^[A-Z]{2,}$/.test(text) ? "keyword" : "";
  return PYTHON_WORDS.has(text) ? "keyword" : next === "(" ? "call" : "";
}

/** @param {string} code @param {Language} language */
export const coloured = (code, language) =>
  piecesOf(code, language).map(([kind, text]) => (kind ? h("span", { class: `mdb-code-${kind}` }, text) : text));

/** Put text on the clipboard, also where the page may not. @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const box = h("textarea", { style: "position: fixed; opacity: 0" });
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
}

/** A button that copies and says so. @param {() => string} text @param {string} [label] */
export function copyButton(text, label = "Copy") {
  const words = h("span", {}, label);
  const button = h("button", { class: "mdb-button mdb-copy", type: "button" }, icon("copy"), words);
  button.addEventListener("click", async () => {
    await copyText(text());
    words.textContent = "Copied";
    setTimeout(() => (words.textContent = label), 1600);
  });
  return button;
}

/** A block of code with its copy button. @param {string} code @param {Language} language @param {string} label */
export const codeBlock = (code, language, label) => h(
  "div",
  { class: "mdb-code-block" },
  h("pre", { class: "mdb-code", tabindex: 0, role: "region", "aria-label": label }, ...coloured(code, language)),
  copyButton(() => code),
);
