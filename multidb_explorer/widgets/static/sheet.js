/** A dialog over the page: a title, fields, a place for problems, buttons. It is the browser's own modal dialog. */

import { errorText, focusBack, h, icon, uniqueId } from "./core.js";

/** Below this height the page is a frame around one output, and a dialog in its middle could be out of sight. */
const ROOM = 420;

export class Sheet {
  /**
   * @param {HTMLElement} host where it lives, for the panel's colours
   * @param {{title: string, icon?: Parameters<typeof icon>[0], onclose?: () => void}} options
   */
  constructor(host, options) {
    this.host = host;
    this.options = options;
    this.busy = false;
    /** @type {Element | null} */
    this.before = null;
    const id = uniqueId("sheet");
    this.body = h("div", { class: "mdb-sheet-body" });
    this.note = h("div", { class: "mdb-sheet-note", role: "status", hidden: true });
    this.buttons = h("div", { class: "mdb-buttons" });
    this.form = h(
      "form",
      { class: "mdb-sheet-form", novalidate: true },
      h("h2", { class: "mdb-sheet-title", id }, options.icon && icon(options.icon), h("span", {}, options.title)),
      this.body,
      this.note,
      this.buttons,
    );
    this.element = h("dialog", { class: "mdb-sheet", "aria-labelledby": id }, this.form);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.element.addEventListener("cancel", (event) => this.busy && event.preventDefault());
    this.element.addEventListener("close", () => this.closed());
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    this.element.addEventListener("pointerdown", (event) => event.stopPropagation());
  }

  /** @param {HTMLElement} [first] what gets the focus */
  open(first) {
    this.before = document.activeElement;
    this.host.append(this.element);
    if (window.innerHeight < ROOM) {
      this.element.classList.add("mdb-sheet-inline");
      this.element.show();
      this.element.scrollIntoView({ block: "nearest" });
    } else this.element.showModal();
    first?.focus({ preventScroll: true });
  }

  close() {
    if (this.element.open) this.element.close();
  }

  closed() {
    this.element.remove();
    focusBack(this.before, this.host);
    this.options.onclose?.();
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    // The notebook below must not hear of it; Escape is the dialog's own, also where it is no modal one.
    event.stopPropagation();
    if (event.key === "Escape" && this.element.classList.contains("mdb-sheet-inline") && !this.busy) this.close();
  }

  /** @param {string} text @param {"" | "good" | "bad" | "busy"} [tone] */
  say(text, tone = "") {
    this.note.hidden = !text;
    this.note.dataset.tone = tone;
    const picture = tone === "bad" ? icon("warning") : tone === "good" ? icon("check") : tone === "busy" ? h("span", { class: "mdb-spinner" }) : null;
    this.note.setAttribute("role", tone === "bad" ? "alert" : "status");
    this.note.replaceChildren(...(picture ? [picture] : []), h("span", {}, text));
  }

  /** Do something that may fail, once at a time, and say so where it did. @template T @param {() => Promise<T>} work @param {string} [doing] @returns {Promise<T | undefined>} */
  async work(work, doing = "") {
    if (this.busy) return undefined;
    this.busy = true;
    this.element.classList.add("mdb-busy");
    if (doing) this.say(doing, "busy");
    try {
      return await work();
    } catch (error) {
      this.say(errorText(error), "bad");
      return undefined;
    } finally {
      this.busy = false;
      this.element.classList.remove("mdb-busy");
    }
  }
}

/**
 * One line of a sheet: a label and its field.
 * @param {string} label
 * @param {HTMLElement} field
 * @param {string} [hint]
 */
export function sheetLine(label, field, hint) {
  const id = field.id || uniqueId("field");
  field.id = id;
  const line = h("div", { class: "mdb-sheet-line" }, h("label", { for: id }, label), field);
  if (hint) {
    const hintId = uniqueId("hint");
    field.setAttribute("aria-describedby", hintId);
    line.append(h("div", { class: "mdb-sheet-hint", id: hintId }, hint));
  }
  return line;
}

/** @param {string} label @param {boolean} [checked] */
export function sheetTick(label, checked = false) {
  const box = h("input", { type: "checkbox", class: "mdb-tick-box" });
  box.checked = checked;
  return { box, element: h("label", { class: "mdb-sheet-tick" }, box, h("span", {}, label)) };
}

/** @param {[string, string][]} options value and words @param {string} [value] */
export function sheetSelect(options, value) {
  const node = h("select", { class: "mdb-input mdb-select" }, ...options.map(([name, words]) => h("option", { value: name }, words)));
  if (value !== undefined) node.value = value;
  return node;
}

/** @param {string} [value] @param {Record<string, any>} [props] */
export function sheetInput(value = "", props = {}) {
  const node = h("input", { class: "mdb-input", type: "text", autocomplete: "off", spellcheck: "false", ...props });
  node.value = value;
  return node;
}
