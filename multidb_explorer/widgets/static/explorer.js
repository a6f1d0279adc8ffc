/** The explorer: alias dropdown, table list, grid, and the two writes for the selected rows. */

import { Channel, countRows, decodeBlock, errorText, guardShortcuts, h, icon, plural, tint } from "./core.js";
import { AliasList } from "./popup.js";
import { Picker } from "./alias_picker.js";
import { TableList } from "./table_list.js";
import { ConfirmDialog } from "./dialog.js";
import { Grid } from "./data_grid.js";

/** @typedef {import("./core.js").AliasMark} AliasMark */
/** @typedef {import("./table_list.js").Table} Table */

const NARROW = 720;
const ROWS_AT_ONCE = 1000;

/** @param {{rows: number, columns: {tag: string, values: any[]}[]}} block @returns {Table[]} */
export function tablesOf({ rows, columns }) {
  const [names, schemas, kinds, estimates, comments] = columns.map(({ values }) => values);
  return Array.from({ length: rows }, (_, at) => ({ name: names[at], schema: schemas[at], kind: kinds[at], rows: estimates[at], comment: comments[at] }));
}

class Explorer {
  /** @param {import("./core.js").Model} model */
  constructor(model) {
    this.model = model;
    this.channel = new Channel(model);
    /** @type {any} what `open` told about the table on screen */
    this.opened = null;
    this.visit = 0;
    this.narrow = this.drawer = this.folded = false;
    const { channel } = this;
    this.picker = new Picker(channel, { label: "Database", choices: model.get("choices"), value: model.get("alias"), onchosen: () => this.aliasChosen() });
    this.grid = new Grid(channel, { onselect: () => this.paintActions(), onsize: (text) => (this.size.textContent = text) });
    this.tables = new TableList((table) => this.pickTable(table));
    this.toggle = h("button", { class: "mdb-tool", type: "button", "aria-label": "Show or hide the tables", title: "Tables", onclick: () => this.toggleTables() }, icon("panel"));
    this.reload = h("button", { class: "mdb-tool", type: "button", "aria-label": "Read again from the database", title: "Read again from the database", onclick: () => this.readAgain() }, icon("reload"));
    this.name = h("span", { class: "mdb-name" });
    this.size = h("span", { class: "mdb-count" });
    this.lock = h("span", { class: "mdb-pill", hidden: true }, icon("lock"), "read-only");
    this.saveButton = h("button", { class: "mdb-button", type: "button", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => this.openTargets() }, icon("send"), h("span", {}, "Save to"), icon("chevron"));
    this.deleteButton = h("button", { class: "mdb-button mdb-delete", type: "button", onclick: () => this.plan("delete", this.picker.value ?? "") });
    this.targets = new AliasList(this.saveButton, { role: "menu", label: "Save to", side: "end", onpick: (alias) => this.plan("save", alias) });
    this.actions = h("div", { class: "mdb-actions", role: "toolbar", "aria-label": "Selected rows" }, this.saveButton, this.targets.box, this.deleteButton);
    const bar = h("div", { class: "mdb-bar-top" }, this.toggle, this.picker.element, h("span", { class: "mdb-gap" }), this.reload);
    const title = h("div", { class: "mdb-title" }, this.name, this.size, this.lock, h("span", { class: "mdb-gap" }), this.actions);
    this.main = h("div", { class: "mdb-main" }, title, this.grid.element);
    this.panes = h("div", { class: "mdb-panes" }, this.tables.element, this.main);
    this.root = h("div", { class: "mdb mdb-panel mdb-explorer", role: "region", "aria-label": "Database explorer" }, bar, this.panes);
    this.root.style.height = model.get("height");
    guardShortcuts(this.root);
    this.observer = new ResizeObserver(([entry]) => this.resized(entry.contentRect.width));
    this.observer.observe(this.root);
    this.main.addEventListener("pointerdown", () => this.drawer && this.toggleTables());
    this.choicesChanged = () => this.picker.offer(model.get("choices"));
    model.on("change:choices", this.choicesChanged);
    this.paintActions();
  }

  get mark() {
    return this.picker.choices.find(({ alias }) => alias === this.picker.value) ?? null;
  }

  dispose() {
    this.observer.disconnect();
    this.model.off("change:choices", this.choicesChanged);
    this.grid.dispose();
    this.tables.dispose();
    this.picker.dispose();
    this.targets.close();
    this.channel.dispose();
  }

  // ------------------------------------------------------------------ what is on screen

  start() {
    const table = this.model.get("table");
    tint(this.root, this.mark);
    if (!this.picker.value) this.grid.showNotice({ look: "empty", title: "Choose a database", text: "The list above shows the aliases that are configured." });
    else this.enter(table ? { name: table, schema: this.model.get("schema"), kind: "table", comment: null, rows: null } : null);
  }

  aliasChosen() {
    tint(this.root, this.mark);
    this.closeTable();
    this.enter(null);
  }

  /** Into an alias: its tables, and the wanted or first one of them. @param {Table | null} wanted */
  async enter(wanted, refresh = false) {
    this.visit += 1;
    const { visit } = this;
    if (wanted) this.openTable(wanted);
    this.tables.show([]);
    this.tables.say("Reading the tables …");
    try {
      const { data } = await this.channel.request("tables", { refresh }, { background: true });
      if (visit === this.visit) this.entered(tablesOf(decodeBlock(data[0])), wanted);
    } catch (error) {
      if (visit === this.visit) this.notEntered(/** @type {Error} */ (error), wanted);
    }
  }

  /** @param {Table[]} tables @param {Table | null} wanted */
  entered(tables, wanted) {
    this.tables.show(tables);
    this.tables.say(tables.length ? "" : "No tables");
    const found = wanted && tables.find(({ name, schema }) => name === wanted.name && (!wanted.schema || schema === wanted.schema));
    if (found) this.tables.choose(found);
    else if (!wanted && tables.length) this.openTable(tables.find(({ kind }) => kind === "table") ?? tables[0]);
    else if (!tables.length) this.grid.showNotice({ look: "empty", title: "No tables", text: `${this.picker.value} has no table or view yet.` });
  }

  /** @param {Error} error @param {Table | null} wanted */
  notEntered(error, wanted) {
    this.tables.say("");
    if (wanted && this.opened) return;
    this.grid.showNotice({ look: "error", title: `${this.picker.value} can’t be read`, text: errorText(error), action: "Try again", onaction: () => this.enter(wanted) });
  }

  closeTable() {
    this.opened = null;
    this.name.textContent = this.size.textContent = "";
    this.grid.open({ columns: [], epoch: this.grid.store.epoch, row_count: null, row_estimate: null, title: "" });
    this.grid.showNotice({ look: "busy", title: "Reading the tables …" });
    this.paintActions();
  }

  /** @param {Table} table */
  pickTable(table) {
    if (this.drawer) this.toggleTables();
    this.openTable(table);
    this.grid.view.focus({ preventScroll: true });
  }

  /** @param {Table} table */
  async openTable(table) {
    const alias = this.picker.value;
    this.tables.choose(table);
    this.name.textContent = table.name;
    this.size.textContent = "";
    this.asked = table;
    try {
      const { message } = await this.channel.request("open", { alias, table: table.name, schema: table.schema });
      if (this.asked !== table || this.picker.value !== alias) return;
      this.opened = message;
      this.grid.open(message);
    } catch (error) {
      if (this.asked !== table || this.picker.value !== alias) return;
      this.opened = null;
      this.grid.open({ columns: [], epoch: this.grid.store.epoch, row_count: null, row_estimate: null, title: table.name });
      this.grid.showNotice({ look: "error", title: `${table.name} can’t be opened`, text: errorText(error), action: "Try again", onaction: () => this.openTable(table) });
    }
    this.paintActions();
  }

  readAgain() {
    if (this.picker.value) this.enter(this.tables.current, true);
  }

  // ------------------------------------------------------------------ frame

  /** @param {number} width */
  resized(width) {
    const narrow = width < NARROW;
    if (narrow !== this.narrow) this.drawer = false;
    this.narrow = narrow;
    this.paintPanes();
  }

  toggleTables() {
    if (this.narrow) this.drawer = !this.drawer;
    else this.folded = !this.folded;
    this.paintPanes();
    if (this.drawer) this.tables.search.focus({ preventScroll: true });
  }

  paintPanes() {
    const open = this.narrow ? this.drawer : !this.folded;
    this.root.classList.toggle("mdb-narrow", this.narrow);
    this.tables.element.hidden = !open;
    this.toggle.setAttribute("aria-pressed", String(open));
  }

  paintActions() {
    const { mark } = this;
    const rows = countRows(this.grid.selected);
    const table = Boolean(this.opened);
    const reason = !this.opened?.has_key && table ? "This table has no key, so its rows can’t be told apart" : rows === 0 ? "Select rows first" : rows > ROWS_AT_ONCE ? `At most ${plural(ROWS_AT_ONCE, "row")} at once here` : "";
    this.actions.hidden = !table;
    this.lock.hidden = !mark?.read_only || !table;
    this.deleteButton.hidden = Boolean(mark?.read_only);
    for (const button of [this.saveButton, this.deleteButton]) {
      button.disabled = Boolean(reason);
      button.title = reason;
    }
    this.deleteButton.replaceChildren(icon("trash"), h("span", {}, "Delete from"), ...(mark ? [h("span", { class: "mdb-dot" }), h("span", { class: "mdb-strong" }, mark.alias)] : []));
    tint(this.deleteButton, mark);
  }

  // ------------------------------------------------------------------ writes

  async openTargets() {
    if (this.targets.isOpen) return this.targets.close(true);
    const items = (/** @type {AliasMark[]} */ choices) => choices
      .filter(({ alias }) => alias !== this.picker.value)
      .map((mark) => ({ mark, refused: mark.read_only ? "read-only" : undefined }));
    this.targets.open(items(this.picker.choices));
    try {
      const { message } = await this.channel.request("aliases");
      this.picker.offer(message.choices);
      this.targets.renew(items(message.choices));
    } catch (error) {
      this.grid.say(errorText(error), "bad");
    }
    return undefined;
  }

  /** Ask the kernel what the write would be; it answers with what the question has to name. @param {"save" | "delete"} action @param {string} target */
  async plan(action, target) {
    const { epoch } = this.grid.store;
    try {
      const { message } = await this.channel.request("plan", { action, target, epoch, rows: this.grid.selected });
      const run = (/** @type {Record<string, unknown>} */ choices, /** @type {string} */ typed) => this.execute(message, choices, typed);
      new ConfirmDialog(this.root, message, run, () => this.channel.request("forget", { plan: message.plan })).open();
    } catch (error) {
      this.grid.say(errorText(error), "bad");
    }
  }

  /**
   * @param {any} plan
   * @param {Record<string, unknown>} choices
   * @param {string} typed
   */
  async execute(plan, choices, typed) {
    const { message } = await this.channel.request("execute", { plan: plan.plan, choices, typed }, { background: true });
    if (message.type === "refused") return message;
    if (message.epoch > this.grid.store.epoch) {
      const { selected } = this.grid;
      this.grid.renew(message);
      if (message.keep_selection) this.grid.select(selected);
    }
    this.grid.say(message.text, "good");
    return null;
  }
}

/**
 * The panel that `explore()` shows.
 * @param {{model: import("./core.js").Model, el: HTMLElement}} context
 */
function renderExplorer({ model, el }) {
  const explorer = new Explorer(model);
  el.append(explorer.root);
  explorer.start();
  return () => explorer.dispose();
}

export default { render: renderExplorer };
