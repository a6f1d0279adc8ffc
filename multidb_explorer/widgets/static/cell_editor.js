/** The editor that floats above a cell: outside of the rows, so that it lives on when its row is scrolled away. */

import { errorText, h } from "./core.js";
import { makeEditor } from "./editors.js";
import { ROW } from "./grid_input.js";

export class CellEditor {
  /** @param {import("./grid_edit.js").GridEdit} edit */
  constructor(edit) {
    this.edit = edit;
    /** @type {import("./editors.js").Editor | null} */
    this.editor = null;
    this.row = this.column = 0;
    this.key = "";
    /** @type {import("./editors.js").EditColumn | null} */
    this.field = null;
    this.before = "";
    this.bar = h("div", { class: "mdb-cell-editor-bar" });
    this.element = h("div", { class: "mdb-cell-editor", hidden: true });
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    this.element.addEventListener("focusout", (event) => this.left(event));
    this.element.addEventListener("pointerdown", (event) => event.stopPropagation());
    this.element.addEventListener("paste", (event) => event.stopPropagation());
    this.element.addEventListener("copy", (event) => event.stopPropagation());
    // Not every browser gives the focus to a button that is pressed.
    this.away = (/** @type {Event} */ event) => event.target instanceof Node && !this.element.contains(event.target) && this.finish("stay");
    edit.grid.frame.append(this.element);
  }

  get isOpen() {
    return this.editor !== null;
  }

  /**
   * @param {number} row
   * @param {number} column
   * @param {string} key
   * @param {import("./editors.js").EditColumn} field
   * @param {string | null} text
   * @param {boolean} fresh whether the text is not the value of the cell
   * @param {string} [problem]
   */
  open(row, column, key, field, text, fresh, problem = "") {
    this.close();
    const { grid } = this.edit;
    const request = (/** @type {string} */ type, /** @type {object} */ body) => grid.channel.request(type, { col: field.name, key, ...body }, { background: true });
    const editor = makeEditor(field, text, {
      label: `${field.name}, ${field.type}`,
      refer: async (search) => (await request("refer", { search })).message.choices,
      labelOf: async (given) => (await request("refer_label", { text: given })).message.label,
    });
    Object.assign(this, { editor, row, column, key, field });
    this.before = fresh ? "" : JSON.stringify(editor.value());
    const act = (/** @type {() => void} */ run) => () => {
      run();
      editor.focus();
    };
    this.bar.replaceChildren(
      ...(field.nullable ? [h("button", { class: "mdb-link", type: "button", tabindex: -1, title: "Ctrl+0", onclick: act(() => editor.set(null)) }, "NULL")] : []),
      ...(field.default ? [h("button", { class: "mdb-link", type: "button", tabindex: -1, title: `Default: ${field.default}`, onclick: act(() => editor.setDefault()) }, "default")] : []),
      h("span", { class: "mdb-cell-editor-type" }, field.type),
    );
    this.element.replaceChildren(editor.element, this.bar);
    this.element.hidden = false;
    this.place();
    document.addEventListener("pointerdown", this.away, true);
    editor.focus();
    const input = editor.field;
    if (input instanceof HTMLInputElement || input instanceof HTMLTextAreaElement) {
      if (fresh) input.setSelectionRange(input.value.length, input.value.length);
      else input.select();
      if (fresh && !problem && text !== null) input.dispatchEvent(new Event("input"));
    }
    if (problem) editor.error(problem);
  }

  /** Over its cell; where that is out of sight, unseen but with the focus still in it. */
  place() {
    if (!this.editor) return;
    const { grid } = this.edit;
    const { left, top, width, seen } = grid.cellBox(this.row, this.column);
    const { style } = this.element;
    const room = grid.width;
    const least = this.editor.problem.hidden ? (this.field?.kind === "text" || this.field?.kind === "json" ? 220 : 168) : 300;
    const wide = Math.max(width + 1, least);
    style.left = `${Math.max(0, Math.min(left, room - wide))}px`;
    style.width = `${Math.min(wide, room)}px`;
    const low = top + ROW * 3 > grid.body.offsetTop + grid.height;
    style.top = low ? "auto" : `${top}px`;
    style.bottom = low ? `${grid.frame.clientHeight - top - ROW}px` : "auto";
    this.element.classList.toggle("mdb-up", low);
    this.element.classList.toggle("mdb-unseen", !seen);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const { editor } = this;
    event.stopPropagation();
    if (!editor) return;
    const control = event.ctrlKey || event.metaKey;
    let handled = true;
    if (editor.key(event)) handled = true;
    else if (event.key === "Escape") this.cancel();
    else if (event.key === "Enter" && !event.altKey) this.finish(control ? "range" : event.shiftKey ? "up" : "down");
    else if (event.key === "Tab") this.finish(event.shiftKey ? "left" : "right");
    else if (control && event.key === "0" && this.field?.nullable) editor.set(null);
    else handled = false;
    if (handled) event.preventDefault();
  }

  /** The focus went elsewhere: what was typed is staged, as in a spreadsheet. @param {FocusEvent} event */
  left(event) {
    const inside = event.relatedTarget instanceof Node && this.element.contains(event.relatedTarget);
    if (!this.editor || inside || !event.relatedTarget) return;
    this.finish("stay");
  }

  cancel() {
    if (this.field) this.edit.typed.delete(`${this.key}\n${this.field.name}`);
    this.close();
    this.edit.grid.view.focus({ preventScroll: true });
    this.edit.grid.ask();
  }

  close() {
    const { editor } = this;
    if (!editor) return;
    this.editor = null;
    document.removeEventListener("pointerdown", this.away, true);
    editor.dispose();
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  /** Stage what was typed and go on. @param {"down" | "up" | "left" | "right" | "stay" | "range"} where */
  async finish(where) {
    const { editor, field, row, column, key, edit } = this;
    const { grid } = edit;
    if (!editor || !field) return;
    const typed = editor.value();
    const { others } = editor;
    const same = JSON.stringify(typed) === this.before;
    this.close();
    if (where !== "stay") grid.view.focus({ preventScroll: true });
    const steps = { down: [1, 0], up: [-1, 0], left: [0, -1], right: [0, 1], stay: [0, 0], range: [0, 0] };
    const [dy, dx] = steps[where];
    if (dy || dx) grid.moveTo(Math.max(0, row + dy), column + dx, false);
    grid.ask();
    if (where === "range") {
      await edit.stageRange((one) => (one.kind === field.kind ? typed : { text: typed.text, null: typed.null, default: typed.default }), "changed");
      return;
    }
    if (same) return;
    const more = Object.entries(others).map(([col, text]) => ({ key, col, text }));
    try {
      const errors = await edit.stage([{ key, col: field.name, ...typed }, ...more], `${field.name} changed`);
      if (errors.length && !this.isOpen && where !== "stay") this.again(row, column, key, field, typed, errors[0].error);
    } catch (error) {
      grid.say(errorText(error), "bad");
    }
  }

  /** Back to the cell that did not take its value, with the reason beside it. @param {number} row @param {number} column @param {string} key @param {import("./editors.js").EditColumn} field @param {import("./editors.js").Typed} typed @param {string} problem */
  again(row, column, key, field, typed, problem) {
    if (this.edit.keyOf(row) !== key) return;
    this.edit.grid.moveTo(row, column, false);
    this.open(row, column, key, field, typed.text ?? null, true, problem);
  }
}
