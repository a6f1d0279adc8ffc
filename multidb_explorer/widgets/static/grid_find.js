/** Find in the table: the database looks for the next row, in the order of the rows; what it holds is highlighted. */

import { KernelError, errorText, group, h, icon, plural, showValue } from "./core.js";

const TYPING_RESTS = 350;

export class GridFind {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    this.isOpen = false;
    this.needle = "";
    this.counted = this.countedFor = "";
    /** @type {any} */
    this.timer = undefined;
    this.stop = new AbortController();
    this.box = h("input", { class: "mdb-input mdb-find-box", type: "text", placeholder: "Find in the table", "aria-label": "Find in the table", autocomplete: "off", spellcheck: "false" });
    this.where = h("select", { class: "mdb-input", "aria-label": "Where to look" });
    this.note = h("span", { class: "mdb-find-note", role: "status" });
    this.cancel = h("button", { class: "mdb-link", type: "button", hidden: true, onclick: () => this.stop.abort() }, "Stop");
    const tool = (/** @type {Parameters<typeof icon>[0]} */ picture, /** @type {string} */ label, /** @type {() => void} */ onclick) =>
      h("button", { class: "mdb-tool", type: "button", title: label, "aria-label": label, onclick }, icon(picture));
    this.element = h(
      "div",
      { class: "mdb-find", role: "search", hidden: true },
      icon("search"), this.box, this.where,
      tool("up", "The one before (Shift+Enter)", () => this.go(true)),
      tool("down", "The next one (Enter)", () => this.go(false)),
      this.note, this.cancel, h("span", { class: "mdb-gap" }),
      tool("close", "Close (Escape)", () => this.close()),
    );
    grid.top.append(this.element);
    this.box.addEventListener("input", () => this.typed());
    this.where.addEventListener("change", () => this.typed());
    this.element.addEventListener("keydown", (event) => this.pressed(event));
  }

  open() {
    const { grid } = this;
    const here = grid.columns[Math.max(0, grid.active.column)];
    const before = this.where.value;
    this.isOpen = true;
    this.element.hidden = false;
    this.where.replaceChildren(h("option", { value: "" }, "all columns"), ...grid.all.map(({ name }) => h("option", { value: name }, name === here?.name ? `${name} (here)` : name)));
    this.where.value = grid.all.some(({ name }) => name === before) ? before : "";
    this.box.focus({ preventScroll: true });
    this.box.select();
    grid.ask();
  }

  close() {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.stop.abort();
    this.element.hidden = true;
    this.needle = "";
    this.grid.view.focus({ preventScroll: true });
    this.grid.ask();
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const inBox = event.target === this.box;
    if (event.key === "Escape") this.close();
    else if (event.key === "F3" || (event.key === "Enter" && inBox)) this.go(event.shiftKey);
    else {
      if (!(event.ctrlKey || event.metaKey)) event.stopPropagation();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "f") this.open();
    else if (event.key === "F3" && this.isOpen) this.go(event.shiftKey);
    else return false;
    return true;
  }

  typed() {
    clearTimeout(this.timer);
    this.needle = this.box.value.toLowerCase();
    this.grid.ask();
    this.timer = setTimeout(() => this.box.value && this.go(false, true), TYPING_RESTS);
    if (!this.box.value) this.note.textContent = "";
  }

  /** @param {boolean} backwards @param {boolean} [here] the active row counts too */
  async go(backwards, here = false) {
    const { grid } = this;
    const text = this.box.value;
    clearTimeout(this.timer);
    if (!text) return;
    this.stop.abort();
    const stop = new AbortController();
    this.stop = stop;
    this.needle = text.toLowerCase();
    this.note.replaceChildren(h("span", { class: "mdb-spinner" }), " Looking …");
    this.cancel.hidden = false;
    const { epoch } = grid.store;
    const body = { epoch, text, ...(this.where.value ? { column: this.where.value } : {}) };
    try {
      const row = Math.max(0, grid.hasActive ? grid.active.row : grid.firstRow);
      const { message } = await grid.channel.request("find", { ...body, row, backwards, here: here || (grid.active.row < 0) }, { background: true, signal: stop.signal });
      if (this.stop !== stop || epoch !== grid.store.epoch) return;
      if (message.row === null) this.note.textContent = "Not found";
      else await this.show(message.row, message.wrapped, body, stop);
    } catch (error) {
      if (this.stop === stop) this.note.textContent = error instanceof KernelError && (error.cancelled || error.stale) ? "Stopped" : errorText(error);
    }
    if (this.stop === stop) this.cancel.hidden = true;
  }

  /** @param {number} row @param {boolean} wrapped @param {any} body @param {AbortController} stop */
  async show(row, wrapped, body, stop) {
    const { grid } = this;
    grid.moveTo(row, Math.max(0, grid.active.column), false);
    await grid.store.gather(row, row);
    const column = grid.columns.findIndex((_, at) => this.isHit(row, at));
    if (column >= 0) grid.moveTo(row, column, false);
    const side = wrapped ? " · went on from the other end" : "";
    this.note.textContent = `Row ${group(row + 1)}${side}${this.counted}`;
    const what = JSON.stringify(body);
    if (this.countedFor === what) return;
    this.counted = "";
    const { message } = await grid.channel.request("matches", body, { background: true, signal: stop.signal });
    if (this.stop !== stop) return;
    this.countedFor = what;
    this.counted = ` · ${message.more ? "more than " : ""}${plural(message.rows, "row")} in all`;
    this.note.textContent = `Row ${group(row + 1)}${side}${this.counted}`;
  }

  /** @param {number} row @param {number} column */
  isHit(row, column) {
    const only = this.where.value;
    const { name } = this.grid.columns[column];
    if (only && only !== name) return false;
    const cell = this.grid.store.cell(row, column);
    if (!cell || cell.value === null) return false;
    return showValue(cell.tag, cell.value).text.toLowerCase().includes(this.needle);
  }

  /** @param {number} row @param {number} column */
  cellLook(row, column) {
    return this.isOpen && this.needle && this.isHit(row, column) ? { look: " mdb-hit" } : null;
  }
}

/** @type {import("./data_grid.js").PartMaker} */
export const findPart = (grid) => {
  const find = new GridFind(grid);
  return {
    opened: () => find.close(),
    renewed: () => (find.countedFor = ""),
    cellLook: (row, column) => find.cellLook(row, column),
    key: (event) => find.key(event),
    menu: ({ kind }) => (kind === "cell" ? [{ label: "Find in the table", keys: "Ctrl+F", icon: "search", group: "view", run: () => find.open() }] : []),
    dispose: () => find.stop.abort(),
  };
};
