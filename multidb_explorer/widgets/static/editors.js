/**
 * Editors of single values, one for each kind of column, for a grid, a form or anywhere else.
 * What is typed stays a text: the kernel reads it by the column's kind, so that no digit is lost in the browser.
 */

import { float, h, icon, placeBeside, uniqueId, unfloat } from "./core.js";

/**
 * What an editor has to know of its column, as the kernel tells it.
 * @typedef {object} EditColumn
 * @property {string} name
 * @property {string} kind
 * @property {string} type in words
 * @property {boolean} nullable
 * @property {boolean} [generated]
 * @property {boolean} [made_by_server]
 * @property {string | null} [default]
 * @property {number | null} [length]
 * @property {string[]} [choices]
 * @property {boolean} [tz]
 * @property {string | null} [references] the table that it refers to
 */

/** @typedef {{text?: string, null?: true, default?: true}} Typed what the kernel reads */
/** @typedef {{values: Record<string, string>, label: string}} Reference a row that can be referred to */

/**
 * @typedef {object} EditorOptions
 * @property {(search: string) => Promise<Reference[]>} [refer] finds rows for a foreign key
 * @property {(text: string) => Promise<string | null>} [labelOf] what the row is called that a key means
 * @property {() => void} [onchange] after each change by the user
 * @property {boolean} [tall] several lines from the start, for a form
 * @property {string} [label] for screen readers; the column's name if not given
 */

/**
 * @typedef {object} Editor
 * @property {HTMLElement} element
 * @property {HTMLElement} field what holds the focus
 * @property {HTMLElement} problem the line for what is wrong with the value
 * @property {() => Typed} value
 * @property {Record<string, string>} others values of more columns that a chosen row set, for a key of several columns
 * @property {(text: string | null) => void} set put another value in; null is NULL
 * @property {() => void} setDefault
 * @property {() => void} focus
 * @property {(problem: string) => void} error shown beside the value; empty for none
 * @property {(event: KeyboardEvent) => boolean} key whether a key is the editor's own, as in an open list
 * @property {() => void} dispose
 */

const LONG_KINDS = new Set(["text", "json", "array", "other", "any", "binary"]);
const CODE_KINDS = new Set(["json", "array", "binary", "uuid"]);
/** @type {Record<string, string>} */
const KIND_HINTS = {
  integer: "whole number",
  float: "number",
  decimal: "number, exact",
  date: "YYYY-MM-DD",
  time: "HH:MM:SS",
  timestamp: "YYYY-MM-DD HH:MM:SS",
  interval: "P1DT2H30M or 02:30:00",
  uuid: "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
  json: "{ }",
  binary: "hexadecimal digits",
  array: "[1, 2, 3]",
};

/** What is wrong with a text that should be JSON, or nothing. @param {string} text */
export function jsonProblem(text) {
  if (!text.trim()) return "";
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return `Not JSON yet: ${error instanceof Error ? error.message : error}`;
  }
}

/** Bytes as hexadecimal digits. @param {Uint8Array} bytes */
export const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * What the user means by a text: an emptied field is NULL where the column can be NULL and an empty text is no value of it.
 * @param {EditColumn} column
 * @param {string} text
 * @returns {Typed}
 */
export function meant(column, text) {
  const empties = column.kind === "text" || column.kind === "binary" || column.kind === "other";
  return text === "" && column.nullable && !empties ? { null: true } : { text };
}

/**
 * The value that a native picker gives, put into the text that is there: a time zone that stands at its end stays.
 * @param {string} kind
 * @param {string} picked
 * @param {string} before
 */
export function withPicked(kind, picked, before) {
  if (kind !== "timestamp") return picked;
  const zone = /\d(Z|[+-]\d\d:?\d\d)$/.exec(before.trim())?.[1] ?? "";
  const [date, time = "00:00"] = picked.split("T");
  return `${date} ${time.length === 5 ? `${time}:00` : time}${zone}`;
}

/**
 * The editor for a column.
 * @param {EditColumn} column
 * @param {string | null} text the value as text; null is NULL
 * @param {EditorOptions} [options]
 * @returns {Editor}
 */
export function makeEditor(column, text, options = {}) {
  if (column.kind === "boolean" || (column.kind === "enum" && column.choices?.length)) return new ChoiceEditor(column, text, options);
  if (column.references && options.refer) return new ReferenceEditor(column, text, options);
  return new TextEditor(column, text, options);
}

/** A list of the few values that there are, NULL among them. @implements {Editor} */
class ChoiceEditor {
  /** @param {EditColumn} column @param {string | null} text @param {EditorOptions} options */
  constructor(column, text, options) {
    this.column = column;
    /** @type {Record<string, string>} */
    this.others = {};
    const choices = column.kind === "boolean" ? ["true", "false"] : column.choices ?? [];
    /** @type {Typed[]} */
    this.values = choices.map((choice) => ({ text: choice }));
    if (column.nullable) this.values.push({ null: true });
    if (column.default) this.values.push({ default: true });
    const word = (/** @type {Typed} */ value) => (value.null ? "NULL" : value.default ? "default" : value.text);
    this.field = h("select", { class: "mdb-input mdb-editor-field mdb-select", "aria-label": options.label ?? column.name, onchange: () => options.onchange?.() }, ...this.values.map((value, at) => h("option", { value: at }, word(value))));
    this.problem = problemLine(this.field);
    this.element = h("div", { class: "mdb-editor" }, this.field, this.problem);
    this.set(text);
  }

  value() {
    return this.values[this.field.selectedIndex] ?? { null: true };
  }

  /** @param {string | null} text */
  set(text) {
    // A letter that was typed to begin with chooses what begins with it.
    const exact = this.values.findIndex((value) => (text === null ? value.null : value.text === text));
    this.field.selectedIndex = exact >= 0 ? exact : this.values.findIndex((value) => text && (value.null ? "null" : value.text ?? "").startsWith(text.toLowerCase()));
  }

  setDefault() {
    this.field.selectedIndex = this.values.findIndex((value) => value.default);
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  /** @param {string} problem */
  error(problem) {
    showProblem(this.field, this.problem, problem);
  }

  key() {
    return false;
  }

  dispose() {}
}

/** A line that grows into many, with what helps for its kind. @implements {Editor} */
class TextEditor {
  /** @param {EditColumn} column @param {string | null} text @param {EditorOptions} options */
  constructor(column, text, options) {
    this.column = column;
    this.options = options;
    /** @type {Record<string, string>} */
    this.others = {};
    this.state = "";
    const { kind } = column;
    const props = {
      class: `mdb-input mdb-editor-field${CODE_KINDS.has(kind) ? " mdb-editor-code" : ""}`, "aria-label": options.label ?? column.name, autocomplete: "off",
      spellcheck: kind === "text" ? undefined : "false", oninput: () => this.typed(),
    };
    this.field = LONG_KINDS.has(kind) ? h("textarea", { ...props, rows: 1 }) : h("input", { ...props, type: "text", inputmode: kind === "integer" ? "numeric" : kind === "decimal" || kind === "float" ? "decimal" : undefined });
    this.problem = problemLine(this.field);
    this.help = h("span", { class: "mdb-editor-help" }, ...this.helpers());
    this.element = h("div", { class: "mdb-editor" }, h("div", { class: "mdb-editor-line" }, this.field, this.help), this.problem);
    this.set(text);
  }

  /** @returns {HTMLElement[]} */
  helpers() {
    const { kind } = this.column;
    if (kind === "date" || kind === "time" || kind === "timestamp") return [this.clock()];
    if (kind === "binary") return [this.upload()];
    return [];
  }

  /** The browser's own calendar, beside the text, which stays exact. */
  clock() {
    const { kind } = this.column;
    const native = h("input", { class: "mdb-editor-native", type: kind === "timestamp" ? "datetime-local" : kind, step: kind === "date" ? undefined : 1, tabindex: -1, "aria-hidden": "true" });
    native.addEventListener("change", () => {
      this.field.value = withPicked(kind, native.value, this.field.value);
      this.typed();
      this.focus();
    });
    const open = () => {
      native.value = this.field.value.trim().replace(" ", "T").slice(0, kind === "date" ? 10 : 19);
      if ("showPicker" in native) native.showPicker();
    };
    const button = h("button", { class: "mdb-tool mdb-editor-tool", type: "button", tabindex: -1, "aria-label": `Choose a ${kind === "time" ? "time" : "date"}`, title: "Choose", onclick: open }, icon("calendar"));
    return h("span", { class: "mdb-editor-picker" }, button, native);
  }

  /** A file becomes the hexadecimal digits of its bytes. */
  upload() {
    const file = h("input", { class: "mdb-editor-native", type: "file", tabindex: -1, "aria-hidden": "true" });
    file.addEventListener("change", async () => {
      const [chosen] = file.files ?? [];
      if (!chosen) return;
      if (chosen.size > 1_000_000) {
        this.error("A file of more than 1 MB can’t be put in from here.");
        return;
      }
      this.set(hexOf(new Uint8Array(await chosen.arrayBuffer())));
      this.typed();
      this.focus();
    });
    const button = h("button", { class: "mdb-tool mdb-editor-tool", type: "button", tabindex: -1, "aria-label": "Take the bytes of a file", title: "Take the bytes of a file", onclick: () => file.click() }, icon("up"));
    return h("span", { class: "mdb-editor-picker" }, button, file);
  }

  typed() {
    this.state = "";
    this.show();
    this.error(this.column.kind === "json" ? jsonProblem(this.field.value) : "");
    this.options.onchange?.();
  }

  show() {
    this.field.placeholder = this.state || KIND_HINTS[this.column.kind] || "";
    this.field.classList.toggle("mdb-editor-none", Boolean(this.state));
    if (this.field instanceof HTMLTextAreaElement) {
      const lines = this.field.value.split("\n").length;
      const wide = Math.ceil(this.field.value.length / 48);
      this.field.rows = Math.max(this.options.tall ? 3 : 1, Math.min(10, Math.max(lines, wide)));
    }
  }

  /** @returns {Typed} */
  value() {
    if (this.state === "NULL") return { null: true };
    if (this.state) return { default: true };
    return meant(this.column, this.field.value);
  }

  /** @param {string | null} text */
  set(text) {
    this.field.value = text ?? "";
    this.state = text === null ? "NULL" : "";
    this.show();
  }

  setDefault() {
    this.field.value = "";
    this.state = `default: ${this.column.default ?? "made by the database"}`;
    this.show();
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  /** @param {string} problem */
  error(problem) {
    showProblem(this.field, this.problem, problem);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!(event.key === "Enter" && event.altKey && this.field instanceof HTMLTextAreaElement)) return false;
    this.field.setRangeText("\n", this.field.selectionStart, this.field.selectionEnd, "end");
    this.typed();
    return true;
  }

  dispose() {}
}

const REFER_PAUSE = 140;

/** A key of another table: typed as it is, or found by what its row is called. @implements {Editor} */
class ReferenceEditor extends TextEditor {
  /** @param {EditColumn} column @param {string | null} text @param {EditorOptions} options */
  constructor(column, text, options) {
    super(column, text, options);
    this.id = uniqueId("refer");
    /** @type {Reference[]} */
    this.found = [];
    this.at = -1;
    this.asked = 0;
    this.timer = 0;
    this.list = h("div", { class: "mdb-options", id: this.id, role: "listbox", "aria-label": `Rows of ${column.references}` });
    this.box = h("div", { class: "mdb-float mdb-refer", hidden: true }, h("div", { class: "mdb-refer-head" }, icon("search"), `Rows of ${column.references}`), this.list);
    this.label = h("span", { class: "mdb-editor-label" });
    this.help.append(this.label);
    this.element.append(this.box);
    for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": this.id, "aria-autocomplete": "list" })) this.field.setAttribute(name, value);
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.take(this.indexOf(event)));
    if (text !== null) this.name(text);
  }

  /** @param {Event} event */
  indexOf(event) {
    const node = event.target instanceof Element ? event.target.closest(".mdb-option") : null;
    return node ? [...this.list.children].indexOf(node) : -1;
  }

  /** @param {string} text */
  async name(text) {
    try {
      const label = await this.options.labelOf?.(text);
      if (this.field.value === text) this.label.textContent = label ?? "";
    } catch {
      this.label.textContent = "";
    }
  }

  typed() {
    super.typed();
    this.others = {};
    this.label.textContent = "";
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.search(this.field.value), REFER_PAUSE);
  }

  /** @param {string} text */
  async search(text) {
    this.asked += 1;
    const { asked } = this;
    try {
      const found = await this.options.refer?.(text);
      if (asked === this.asked && this.element.isConnected) this.show_(found ?? []);
    } catch (error) {
      if (asked === this.asked) this.error(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {Reference[]} found */
  show_(found) {
    this.found = found;
    this.list.replaceChildren(...found.map((one, at) => this.option(one, at)));
    if (!found.length) this.list.append(h("div", { class: "mdb-option-none" }, "No row matches"));
    if (this.box.hidden) float(this.box);
    placeBeside(this.box, this.field);
    this.field.setAttribute("aria-expanded", "true");
    this.go(-1);
  }

  /** @param {Reference} one @param {number} at */
  option({ values, label }, at) {
    const key = Object.values(values).join(", ");
    return h("div", { class: "mdb-option", id: `${this.id}-${at}`, role: "option", "aria-selected": "false" }, h("span", { class: "mdb-option-name" }, label || key), label && h("span", { class: "mdb-option-note" }, key));
  }

  /** @param {number} at */
  go(at) {
    this.at = at;
    [...this.list.children].forEach((node, index) => {
      node.classList.toggle("mdb-here", index === at);
      node.setAttribute("aria-selected", String(index === at));
      if (index === at) node.scrollIntoView({ block: "nearest" });
    });
    if (at >= 0) this.field.setAttribute("aria-activedescendant", `${this.id}-${at}`);
    else this.field.removeAttribute("aria-activedescendant");
  }

  /** @param {number} at */
  take(at) {
    const one = this.found[at];
    if (!one) return;
    const { [this.column.name]: own, ...others } = one.values;
    this.set(own ?? "");
    this.others = others;
    this.label.textContent = one.label;
    this.error("");
    this.fold();
    this.options.onchange?.();
  }

  fold() {
    clearTimeout(this.timer);
    this.asked += 1;
    unfloat(this.box);
    this.field.setAttribute("aria-expanded", "false");
    this.go(-1);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const open = !this.box.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!open) this.search(this.state ? "" : this.field.value);
      else if (this.found.length) this.go((this.at + (event.key === "ArrowDown" ? 1 : -1) + this.found.length) % this.found.length);
      return true;
    }
    if (open && event.key === "Escape") {
      this.fold();
      return true;
    }
    if (open && this.at >= 0 && (event.key === "Enter" || event.key === "Tab")) this.take(this.at);
    return super.key(event);
  }

  dispose() {
    this.fold();
  }
}

/** @param {HTMLElement} field */
function problemLine(field) {
  const line = h("div", { class: "mdb-editor-problem", id: uniqueId("problem"), role: "alert", hidden: true });
  field.setAttribute("aria-describedby", line.id);
  return line;
}

/** @param {HTMLElement} field @param {HTMLElement} line @param {string} problem */
function showProblem(field, line, problem) {
  line.replaceChildren(...(problem ? [icon("warning"), h("span", {}, problem)] : []));
  line.hidden = !problem;
  field.classList.toggle("mdb-bad", Boolean(problem));
  if (problem) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}
