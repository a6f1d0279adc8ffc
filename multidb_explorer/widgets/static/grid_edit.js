/** Editing in the grid: the marks of what is staged, and everything that stages. The kernel holds the changes; this mirrors them. */

import { errorText, group, h, icon, plural } from "./core.js";
import { CellEditor } from "./cell_editor.js";
import { PendingBar } from "./pending_bar.js";
import { PasteSheet, parseTsv } from "./paste_sheet.js";
import { emptied, markLook, typedLook } from "./staged_looks.js";
import { BLOCK_ROWS } from "./store.js";

/** @typedef {import("./editors.js").EditColumn} EditColumn */
/** @typedef {import("./editors.js").Typed} Typed */
/** @typedef {import("./staged_looks.js").Mark} Mark */
/** @typedef {{new: number, changed: number, deleted: number, tables: number, undo: boolean, redo: boolean}} Pending */
/** @typedef {{key: string, col: string} & Typed} Item */

const MOST_CELLS = 50_000;
const NOTHING = { new: 0, changed: 0, deleted: 0, tables: 0, undo: false, redo: false };
/** Kinds whose text on the screen is not the text that is edited. */
const RESPELT = new Set(["binary", "interval", "array", "other", "any"]);

/** The part "edit". */
export class GridEdit {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    /** @type {string | null} why nothing can be edited; null while there is no table */
    this.refused = null;
    /** @type {Record<string, EditColumn>} */
    this.fields = {};
    /** @type {Map<string, Mark>} */
    this.marks = new Map();
    /** @type {string[]} */
    this.newRows = [];
    this.base = 0;
    /** @type {Pending} */
    this.pending = NOTHING;
    /** What was typed and is not staged yet, or can't be: by row and column. @type {Map<string, {typed: Typed, error: string}>} */
    this.typed = new Map();
    this.editor = new CellEditor(this);
    this.bar = new PendingBar(this);
    this.lock = h("span", { class: "mdb-pill", hidden: true }, icon("lock"), h("span", {}, "read-only"));
    this.addButton = h("button", { class: "mdb-button mdb-small", type: "button", hidden: true, title: "Add a row (Ctrl+Insert)", onclick: () => this.addRow() }, icon("plus"), h("span", {}, "Row"));
    grid.foot.actions.append(this.lock, this.addButton);
    grid.bottom.append(this.bar.element);
    grid.view.addEventListener("paste", (event) => this.paste(event));
    grid.body.addEventListener("dblclick", (event) => this.doubleClicked(event));
  }

  get editable() {
    return this.refused === "";
  }

  // ------------------------------------------------------------------ as a part of the grid

  /** @param {import("./data_grid.js").Opening} opening */
  opened(opening) {
    const told = opening.parts?.edit;
    this.refused = told ? told.refused : null;
    this.fields = told?.fields ?? {};
    this.pending = told?.pending ?? NOTHING;
    this.marks.clear();
    this.typed.clear();
    this.newRows = [];
    this.editor.close();
    this.addButton.hidden = !this.editable;
    this.lock.hidden = !this.refused;
    this.lock.title = this.refused ?? "";
    this.grid.view.setAttribute("aria-readonly", String(!this.editable));
    this.bar.opened(opening);
    if (this.editable) this.ask("staged");
  }

  renewed() {
    this.editor.close();
  }

  /** @param {number} row */
  keyOf(row) {
    const beyond = row - this.grid.store.length;
    if (beyond >= 0) return this.newRows[beyond];
    const { edit } = /** @type {any} */ (this.grid.store.blockOf(row) ?? {});
    if (edit && !edit.read) this.read(edit);
    return /** @type {string | undefined} */ (edit?.keys[row % BLOCK_ROWS]);
  }

  /** The marks that came with a page: somebody else may have staged there. @param {{keys: string[], marks: Record<string, Mark>, read?: boolean}} edit */
  read(edit) {
    edit.read = true;
    for (const key of edit.keys) if (!edit.marks[key]) this.marks.delete(key);
    for (const [key, mark] of Object.entries(edit.marks)) this.marks.set(key, mark);
  }

  /** @param {number} row @param {number} column @returns {import("./data_grid.js").CellLook | null} */
  cellLook(row, column) {
    const nothing = !this.marks.size && !this.typed.size && row < this.grid.store.length;
    const key = this.editable && !nothing ? this.keyOf(row) : undefined;
    if (key === undefined) return null;
    const { name, kind } = this.grid.columns[column];
    const typed = this.typed.get(`${key}\n${name}`);
    if (typed) return { shown: typedLook(typed.typed), look: typed.error ? " mdb-staged mdb-problem-cell" : " mdb-staged mdb-changed", title: typed.error || "Being staged" };
    const mark = this.marks.get(key);
    return mark ? markLook(mark, { name, kind, field: this.fields[name], before: this.grid.store.cell(row, column) }) : null;
  }

  /** @param {number} row */
  rowLook(row) {
    const key = this.editable ? this.keyOf(row) : undefined;
    const mark = key === undefined ? undefined : this.marks.get(key);
    return mark ? ` mdb-row-${mark.state}` : key && row >= this.grid.store.length ? " mdb-row-new" : "";
  }

  /** @param {number} row */
  rowName(row) {
    return row >= this.grid.store.length ? "new" : undefined;
  }

  /** The rows of the table were counted: who was at a new row, which stands after them, stays at it. */
  keepPlace() {
    const { grid } = this;
    const { length } = grid.store;
    const step = length - this.base;
    const beyond = this.newRows.length > 0 && grid.active.row >= this.base;
    if (step && beyond && this.base) grid.moveTo(grid.active.row + step, grid.active.column, false);
    if (step && this.editor.isOpen && this.editor.row >= this.base) this.editor.row += step;
    this.base = length;
  }

  paint() {
    if (this.grid.store.length !== this.base) this.keepPlace();
    this.editor.place();
    this.bar.paint();
  }

  dispose() {
    this.editor.close();
    this.bar.dispose();
  }

  // ------------------------------------------------------------------ talking with the kernel

  /** @param {string} type @param {object} [body] @returns {Promise<any>} what the kernel told, or null */
  async ask(type, body = {}) {
    try {
      const { message } = await this.grid.channel.request(type, body);
      this.apply(message);
      return message;
    } catch (error) {
      this.grid.say(errorText(error), "bad");
      return null;
    }
  }

  /** @param {any} message */
  apply(message) {
    for (const [key, mark] of Object.entries(message.marks ?? {})) {
      if (mark) this.marks.set(key, mark);
      else this.marks.delete(key);
    }
    if (message.pending) this.pending = message.pending;
    if (message.new) {
      this.newRows = message.new;
      this.grid.extraRows = this.newRows.length;
      if (this.newRows.length) this.grid.showNotice(null);
      this.grid.clamp();
      if (this.grid.active.row >= this.grid.length) this.grid.moveTo(this.grid.length - 1, this.grid.active.column, false);
    }
    this.grid.ask();
  }

  /** Stage typed values; they are on the screen at once, and what does not fit comes back with its reason. @param {Item[]} items @param {string} [done] */
  async stage(items, done = "") {
    const names = items.map(({ key, col }) => `${key}\n${col}`);
    if (items.length <= 2000) items.forEach(({ key: _, col: __, ...typed }, at) => this.typed.set(names[at], { typed, error: "" }));
    this.grid.ask();
    const message = await this.ask("edit", { items });
    for (const name of names) this.typed.delete(name);
    for (const { key, col, error } of message?.errors ?? []) {
      const item = items.find((one) => one.key === key && one.col === col);
      if (item) this.typed.set(`${key}\n${col}`, { typed: { text: item.text, null: item.null, default: item.default }, error });
    }
    this.grid.ask();
    const errors = message?.errors ?? [];
    if (errors.length === 1) this.grid.say(`${errors[0].col}: ${errors[0].error}`, "bad");
    else if (errors.length) this.grid.say(`${plural(errors.length, "cell")} of ${group(items.length)} can’t hold that: ${errors[0].col}: ${errors[0].error}`, "bad");
    else if (message && done) this.grid.say(done);
    return errors;
  }

  // ------------------------------------------------------------------ what is meant

  /** Why a cell can't be edited, in words; empty where it can. @param {number} row @param {number} column */
  refusal(row, column) {
    const key = this.keyOf(row);
    const { name } = this.grid.columns[column];
    if (!this.editable) return this.refused ? this.refused : "This grid only shows.";
    if (key === undefined) return "This row has not come yet.";
    if (this.marks.get(key)?.state === "deleted") return "This row will be deleted. Revert it to edit it.";
    if (!this.fields[name]) return `${name} is no column of the table.`;
    return this.fields[name].generated ? `${name} is computed by the database.` : "";
  }

  /** The range, or the active cell. */
  get range() {
    const { active, corner, columns } = this.grid;
    const [top, bottom] = [active.row, corner.row].sort((a, b) => a - b);
    const [left, right] = [active.column, corner.column].sort((a, b) => a - b);
    return { top: Math.max(0, top), bottom, left, right, names: columns.slice(left, right + 1).map(({ name }) => name) };
  }

  /** The keys of some rows, fetched where they are not here. @param {number} top @param {number} bottom */
  async keys(top, bottom) {
    const last = Math.min(bottom, this.grid.store.length - 1);
    if (last >= top) await this.grid.store.gather(top, last);
    const found = [];
    for (let row = top; row <= bottom; row += 1) {
      const key = this.keyOf(row);
      if (key !== undefined) found.push(key);
    }
    return found;
  }

  /** The cells of the range that can be edited, as items of one value. @param {(field: EditColumn) => Typed} value @returns {Promise<Item[]>} */
  async items(value) {
    const { top, bottom, names } = this.range;
    if ((bottom - top + 1) * names.length > MOST_CELLS) throw new Error(`At most ${group(MOST_CELLS)} cells can be changed at once.`);
    const fields = names.map((name) => this.fields[name]).filter((field) => field && !field.generated);
    const keys = await this.keys(top, bottom);
    const there = keys.filter((key) => this.marks.get(key)?.state !== "deleted");
    return there.flatMap((key) => fields.map((field) => ({ key, col: field.name, ...value(field) })));
  }

  /** @param {(field: EditColumn) => Typed} value @param {string} done */
  async stageRange(value, done) {
    const { active } = this.grid;
    const refusal = this.refusal(active.row, active.column);
    const single = active.row === this.grid.corner.row && active.column === this.grid.corner.column;
    if (!this.editable || (single && refusal)) return this.grid.say(refusal, "bad");
    try {
      const items = await this.items(value);
      if (items.length) await this.stage(items, `${items.length === 1 ? items[0].col : plural(items.length, "cell")}: ${done}`);
    } catch (error) {
      this.grid.say(errorText(error), "bad");
    }
    return undefined;
  }

  // ------------------------------------------------------------------ keys and menu

  /** @param {KeyboardEvent} event @returns {boolean} */
  key(event) {
    if (!this.editable || !this.grid.hasActive) return false;
    // AltGr, by which many keyboards write letters, is Ctrl and Alt together on some systems.
    const letters = event.getModifierState("AltGraph");
    const control = (event.ctrlKey || event.metaKey) && !letters;
    if (control && !event.altKey) return this.controlKey(event);
    if (this.grid.active.row < 0 || control || (event.altKey && !letters)) return false;
    if (event.key === "F2" || event.key === "Enter") this.edit();
    else if (event.key === "Delete" || event.key === "Backspace") this.stageRange(emptied, "emptied");
    else if (event.key.length === 1 && event.key !== " ") this.edit(event.key);
    else if (event.key === "Process") {
      // An input method begins a word: it goes on in the editor, if that has the focus at once.
      this.edit("");
      return false;
    } else return false;
    return true;
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  controlKey(event) {
    const letter = event.key.toLowerCase();
    const inRows = this.grid.active.row >= 0;
    if (letter === "z") this.step(event.shiftKey ? "redo" : "undo");
    else if (letter === "y") this.step("redo");
    else if (event.key === "Insert") this.addRow();
    else if (!inRows) return false;
    else if (letter === "0") this.stageRange(() => ({ null: true }), "set to NULL");
    else if (letter === "d") this.fillDown();
    else if (event.key === "Delete") this.toggleDeleted();
    else return false;
    return true;
  }

  /** @param {import("./grid_menu.js").MenuPlace} place @returns {import("./grid_menu.js").MenuItem[]} */
  menu({ kind, row, column }) {
    if (!this.editable || row < 0) return [];
    const items = /** @type {import("./grid_menu.js").MenuItem[]} */ ([]);
    if (kind === "cell") items.push(...this.cellMenu(row, column));
    const rows = this.rowsMeant(row);
    const many = rows.length > 1 ? `${group(rows.length)} rows` : "row";
    const key = this.keyOf(row);
    const mark = key === undefined ? undefined : this.marks.get(key);
    items.push({ label: "Add row", keys: "Ctrl+Ins", icon: "plus", group: "row", run: () => this.addRow() });
    items.push({ label: "Duplicate row", group: "row", refused: key === undefined ? "It has not come yet" : undefined, run: () => this.addRow(key) });
    if (mark?.state === "deleted") items.push({ label: `Keep ${many}`, keys: "Ctrl+Del", group: "row", run: () => this.toggleDeleted(row) });
    else items.push({ label: `Delete ${many}`, keys: "Ctrl+Del", icon: "trash", danger: true, group: "row", run: () => this.toggleDeleted(row) });
    if (mark) items.push({ label: `Revert ${many}`, icon: "undo", group: "row", run: () => this.revertRows(row) });
    return items;
  }

  /** @param {number} row @param {number} column @returns {import("./grid_menu.js").MenuItem[]} */
  cellMenu(row, column) {
    const refused = this.refusal(row, column) || undefined;
    const { name } = this.grid.columns[column];
    const field = this.fields[name];
    const mark = this.marks.get(this.keyOf(row) ?? "");
    return [
      { label: "Edit", keys: "F2", icon: "pencil", group: "cell", refused, run: () => this.edit() },
      { label: "Set NULL", keys: "Ctrl+0", group: "cell", refused: refused ?? (field.nullable ? undefined : `${name} can’t be NULL`), run: () => this.stageRange(() => ({ null: true }), "set to NULL") },
      ...(field?.default ? [{ label: "Set default", group: "cell", refused, run: () => this.stageRange(() => ({ default: true }), "set to its default") }] : []),
      { label: "Paste", keys: "Ctrl+V", group: "cell", refused, run: () => this.pasteFromMenu() },
      { label: "Fill down", keys: "Ctrl+D", group: "cell", refused: this.range.bottom > this.range.top ? refused : "Select cells below first", run: () => this.fillDown() },
      ...(mark && mark.state !== "deleted" && name in mark.cells ? [{ label: "Revert cell", icon: /** @type {const} */ ("undo"), group: "cell", run: () => this.revertCells() }] : []),
    ];
  }

  // ------------------------------------------------------------------ what is done

  /** @param {MouseEvent} event */
  doubleClicked(event) {
    const { row, inHead } = this.grid.input.cellAt(event);
    if (!inHead && row < this.grid.length && this.editable) this.edit();
  }

  /** Open the editor of the active cell. @param {string} [letter] what was typed to begin with */
  async edit(letter) {
    const { row, column } = this.grid.active;
    const refusal = this.refusal(row, column);
    if (refusal) return this.grid.say(refusal, "bad");
    const key = /** @type {string} */ (this.keyOf(row));
    const { name, kind } = this.grid.columns[column];
    const kept = this.typed.get(`${key}\n${name}`);
    if (letter !== undefined) return this.editor.open(row, column, key, this.fields[name], letter, true);
    if (kept) return this.editor.open(row, column, key, this.fields[name], kept.typed.text ?? null, true, kept.error);
    const mark = this.marks.get(key);
    const value = mark && name in mark.cells ? mark.cells[name] : mark?.state === "new" ? null : this.grid.store.cell(row, column)?.value;
    const whole = value === null || value === undefined || (typeof value !== "object" && !RESPELT.has(kind));
    let text = value === null || value === undefined ? null : String(value);
    if (!whole) {
      const message = await this.ask("edit_text", { key, col: name });
      if (!message || this.grid.active.row !== row || this.grid.active.column !== column) return undefined;
      text = message.text;
    }
    return this.editor.open(row, column, key, this.fields[name], text, false);
  }

  /** @param {"undo" | "redo"} what */
  async step(what) {
    const message = await this.ask(what);
    if (message) this.grid.say(message.done ? (what === "undo" ? "Undone" : "Done again") : `Nothing to ${what}`);
  }

  /** @param {string} [like] the row that it shall be like */
  async addRow(like) {
    const message = await this.ask("insert", like === undefined ? {} : { like });
    if (!message?.made) return;
    const row = this.grid.length - 1;
    const first = this.grid.columns.findIndex(({ name }) => this.fields[name] && !this.fields[name].generated && !this.fields[name].made_by_server);
    this.grid.moveTo(row, Math.max(0, first), false);
    this.grid.view.focus({ preventScroll: true });
    this.grid.say(like === undefined ? "A new row; it is written with the next save" : "A new row like that one, without its key");
  }

  /** The rows that a row's action is for: the ticked ones if it is ticked, else those of the range. @param {number} [row] */
  rowsMeant(row = this.grid.active.row) {
    const { selected } = this.grid;
    const ticked = selected.some(([a, b]) => a <= row && row <= b);
    const { top, bottom } = this.range;
    const spans = ticked ? selected : top <= row && row <= bottom ? [[top, bottom]] : [[row, row]];
    const rows = [];
    for (const [a, b] of spans) for (let at = a; at <= b && rows.length <= 10_000; at += 1) rows.push(at);
    return rows;
  }

  /** @param {number} [row] */
  async keysMeant(row) {
    const rows = this.rowsMeant(row);
    if (rows.length > 10_000) throw new Error("At most 10,000 rows can be staged at once from here.");
    const keys = [];
    for (let at = 0; at < rows.length;) {
      let end = at;
      while (end + 1 < rows.length && rows[end + 1] === rows[end] + 1) end += 1;
      keys.push(...(await this.keys(rows[at], rows[end])));
      at = end + 1;
    }
    return keys;
  }

  /** Rows will be deleted; asked again, they stay. @param {number} [row] */
  async toggleDeleted(row) {
    try {
      const keys = await this.keysMeant(row);
      const all = keys.every((key) => this.marks.get(key)?.state === "deleted");
      const message = await this.ask(all ? "revert" : "delete", { keys });
      if (message) this.grid.say(all ? `${plural(keys.length, "row")} kept` : `${plural(keys.length, "row")} will be deleted with the next save`);
    } catch (error) {
      this.grid.say(errorText(error), "bad");
    }
  }

  /** @param {number} [row] */
  async revertRows(row) {
    try {
      const keys = await this.keysMeant(row);
      this.forget(keys);
      if (await this.ask("revert", { keys })) this.grid.say(`${plural(keys.length, "row")} reverted`);
    } catch (error) {
      this.grid.say(errorText(error), "bad");
    }
  }

  async revertCells() {
    const { top, bottom, names } = this.range;
    const keys = await this.keys(top, bottom);
    const items = keys.flatMap((key) => names.filter((name) => this.fields[name]).map((col) => ({ key, col })));
    for (const { key, col } of items) this.typed.delete(`${key}\n${col}`);
    if (await this.ask("revert", { items })) this.grid.say(items.length === 1 ? `${items[0].col} reverted` : "The selected cells are reverted");
  }

  async revertAll() {
    this.typed.clear();
    if (await this.ask("revert", { all: true })) this.grid.say("Everything is reverted; Undo brings it back");
  }

  /** @param {string[]} keys */
  forget(keys) {
    for (const name of [...this.typed.keys()]) if (keys.includes(name.split("\n")[0])) this.typed.delete(name);
  }

  async fillDown() {
    const { top, bottom, names } = this.range;
    if (bottom <= top) return this.grid.say("Select the cell to copy and the cells below it first");
    try {
      const [from, ...keys] = await this.keys(top, bottom);
      const cols = names.filter((name) => this.fields[name] && !this.fields[name].generated);
      if (await this.ask("fill", { from, keys, cols })) this.grid.say(`${plural(keys.length * cols.length, "cell")} filled`);
    } catch (error) {
      this.grid.say(errorText(error), "bad");
    }
    return undefined;
  }

  // ------------------------------------------------------------------ paste

  /** @param {ClipboardEvent} event */
  paste(event) {
    if (!this.grid.hasActive || this.grid.active.row < 0 || !this.editable) return;
    event.preventDefault();
    event.stopPropagation();
    this.pasteText(event.clipboardData?.getData("text/plain") ?? "");
  }

  async pasteFromMenu() {
    try {
      await this.pasteText(await navigator.clipboard.readText());
    } catch {
      this.grid.say("The browser does not let this page read the clipboard: press Ctrl+V", "bad");
    }
  }

  /** @param {string} text */
  async pasteText(text) {
    const cells = parseTsv(text);
    if (!cells.length) return;
    const { top, bottom, left } = this.range;
    if (cells.length === 1 && cells[0].length === 1) {
      await this.stageRange((field) => (cells[0][0] === "" ? emptied(field) : { text: cells[0][0] }), "pasted");
      return;
    }
    const width = Math.max(...cells.map((row) => row.length));
    const columns = this.grid.columns.slice(left, left + width);
    try {
      if (cells.length * columns.length > MOST_CELLS) throw new Error(`${group(cells.length * columns.length)} cells are too many to paste at once (at most ${group(MOST_CELLS)}).`);
      const keys = await this.keys(top, Math.min(top + cells.length - 1, this.grid.length - 1));
      new PasteSheet(this, { cells, columns: columns.map(({ name }) => name), keys, top, bottom, cut: width - columns.length }).open();
    } catch (error) {
      this.grid.say(errorText(error), "bad");
    }
  }
}
