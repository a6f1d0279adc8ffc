/** The box for SQL: a text area with completion below the cursor and the history behind the arrow keys. */

import { float, h, icon, unfloat, uniqueId } from "./core.js";
import { atEdge, lineAndColumn } from "./sql_text.js";

/** @typedef {{text: string, kind: string, note: string}} Choice */

const TAB = "    ";
const HEAD = /[^\W\d]\w*$|\.$/;

export class SqlBox {
  /**
   * @param {import("./core.js").Channel} channel
   * @param {{onrun: () => void}} events
   */
  constructor(channel, events) {
    this.channel = channel;
    this.events = events;
    this.id = uniqueId("sql");
    /** @type {string[] | null} */
    this.history = null;
    this.past = 0;
    this.draft = "";
    this.asked = 0;
    /** @type {Choice[]} */
    this.choices = [];
    this.at = 0;
    this.start = 0;
    this.walked = false;
    this.text = h("textarea", {
      class: "mdb-input mdb-sql-text", rows: 6, wrap: "off", spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-label": "SQL", "aria-autocomplete": "list", "aria-controls": this.id,
      placeholder: "select … from …", oninput: () => this.typed(), onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event), onblur: () => this.close(), onclick: () => this.close(), onscroll: () => this.close(),
    });
    this.list = h("div", { class: "mdb-options mdb-sql-choices", id: this.id, role: "listbox", "aria-label": "Completions" });
    this.pop = h("div", { class: "mdb-float", hidden: true }, this.list);
    this.list.addEventListener("pointerdown", (event) => this.press(event));
    this.element = h("div", { class: "mdb-sql-box" }, this.text, this.pop);
  }

  get isOpen() {
    return !this.pop.hidden;
  }

  dispose() {
    this.close();
  }

  /** Select what an error is about. @param {[number, number] | null} range */
  mark(range) {
    this.text.classList.toggle("mdb-invalid", Boolean(range));
    if (!range) return;
    this.text.focus({ preventScroll: true });
    this.text.setSelectionRange(range[0], range[1]);
  }

  // ------------------------------------------------------------------ keys

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.acted(event)) return;
    event.preventDefault();
    // Lab must not run the cell.
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether it was ours */
  acted(event) {
    const { key } = event;
    const command = event.ctrlKey || event.metaKey;
    if (key === "Enter" && (command || event.shiftKey)) {
      this.close();
      this.events.onrun();
      return true;
    }
    if (key === " " && command) {
      this.walked = true;
      this.complete();
      return true;
    }
    if (command || event.altKey) return false;
    if (this.isOpen && this.inList(event)) return true;
    if (key === "Tab" && !event.shiftKey && this.text.value.slice(0, this.text.selectionStart).match(/(^|\n)\s*$/) && this.text.value) {
      this.insert(TAB);
      return true;
    }
    return (key === "ArrowUp" || key === "ArrowDown") && !event.shiftKey && this.browse(key);
  }

  /** @param {KeyboardEvent} event */
  inList({ key }) {
    switch (key) {
      case "ArrowDown": this.go(this.at + 1); return true;
      case "ArrowUp": this.go(this.at - 1); return true;
      case "Escape": this.close(); return true;
      case "Tab": this.accept(this.at); return true;
      // A line break is a line break, until somebody has walked into the list.
      case "Enter": return this.walked && this.accept(this.at);
      default: return false;
    }
  }

  /** @param {string} text */
  insert(text) {
    const { selectionStart, selectionEnd } = this.text;
    this.text.setRangeText(text, selectionStart, selectionEnd, "end");
  }

  // ------------------------------------------------------------------ history

  async loadHistory() {
    if (this.history) return this.history;
    try {
      const { message } = await this.channel.request("sql_history");
      this.history = /** @type {string[]} */ (message.statements);
    } catch {
      this.history = [];
    }
    this.past = this.history.length;
    return this.history;
  }

  /** @param {string} sql */
  ran(sql) {
    const text = sql.trim();
    this.history = [...(this.history ?? []).filter((each) => each !== text), text];
    this.past = this.history.length;
  }

  /** Go through what was run before; the draft waits at the end. @param {"ArrowUp" | "ArrowDown"} key */
  browse(key) {
    const { value, selectionStart, selectionEnd } = this.text;
    if (!this.history?.length || selectionStart !== selectionEnd || !atEdge(value, selectionStart, key)) return false;
    const next = this.past + (key === "ArrowUp" ? -1 : 1);
    if (next < 0 || next > this.history.length) return false;
    if (this.past === this.history.length) this.draft = value;
    this.past = next;
    this.text.value = next === this.history.length ? this.draft : this.history[next];
    const at = key === "ArrowUp" ? 0 : this.text.value.length;
    this.text.setSelectionRange(at, at);
    return true;
  }

  /** @param {string} sql */
  put(sql) {
    this.text.value = sql;
    this.text.focus({ preventScroll: true });
  }

  // ------------------------------------------------------------------ completion

  typed() {
    this.text.classList.remove("mdb-invalid");
    this.walked = false;
    const head = HEAD.exec(this.text.value.slice(0, this.text.selectionStart));
    if (head && (head[0] === "." || head[0].length > 1)) this.complete();
    else this.close();
  }

  async complete() {
    this.asked += 1;
    const { asked } = this;
    const cursor = this.text.selectionStart;
    try {
      const { message } = await this.channel.request("sql_complete", { sql: this.text.value, cursor }, { background: true });
      if (asked === this.asked && cursor === this.text.selectionStart) this.offer(message.start, message.choices);
    } catch {
      this.close();
    }
  }

  /** @param {number} start @param {Choice[]} choices */
  offer(start, choices) {
    if (!choices.length || document.activeElement !== this.text) return this.close();
    this.start = start;
    this.choices = choices;
    this.list.replaceChildren(...choices.map((choice, at) => h(
      "div",
      { class: "mdb-option", role: "option", id: `${this.id}-${at}`, "aria-selected": "false" },
      icon(choice.kind === "column" ? "column" : choice.kind === "view" ? "view" : choice.kind === "table" ? "table" : "chevron"),
      h("span", { class: "mdb-option-name" }, choice.text),
      h("span", { class: "mdb-option-note" }, choice.note),
    )));
    float(this.pop);
    this.place();
    return this.go(0, true);
  }

  /** Below the word; the letters are all equally wide. */
  place() {
    const style = getComputedStyle(this.text);
    const frame = this.text.getBoundingClientRect();
    const [line, column] = lineAndColumn(this.text.value, this.start);
    const high = parseFloat(style.lineHeight);
    const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    pen.font = style.font;
    const x = frame.left + parseFloat(style.paddingLeft) + column * pen.measureText("m").width - this.text.scrollLeft;
    const y = frame.top + parseFloat(style.paddingTop) + (line + 1) * high - this.text.scrollTop + 3;
    const { width, height } = this.pop.getBoundingClientRect();
    this.pop.style.left = `${Math.max(4, Math.min(x, window.innerWidth - width - 4))}px`;
    this.pop.style.top = `${y + height > window.innerHeight ? y - height - high - 6 : y}px`;
  }

  /** @param {number} at @param {boolean} [fresh] */
  go(at, fresh = false) {
    this.walked = this.walked || !fresh;
    this.at = Math.max(0, Math.min(at, this.choices.length - 1));
    [...this.list.children].forEach((node, index) => {
      node.classList.toggle("mdb-here", index === this.at);
      node.setAttribute("aria-selected", String(index === this.at));
      if (index === this.at) node.scrollIntoView({ block: "nearest" });
    });
    this.text.setAttribute("aria-activedescendant", `${this.id}-${this.at}`);
  }

  /** @param {number} at */
  accept(at) {
    this.text.setRangeText(this.choices[at].text, this.start, this.text.selectionStart, "end");
    this.close();
    return true;
  }

  /** @param {PointerEvent} event */
  press(event) {
    event.preventDefault();
    const node = event.target instanceof Element ? event.target.closest(".mdb-option") : null;
    if (node) this.accept([...this.list.children].indexOf(node));
  }

  close() {
    this.asked += 1;
    if (!this.isOpen) return;
    unfloat(this.pop);
    this.text.removeAttribute("aria-activedescendant");
  }
}
