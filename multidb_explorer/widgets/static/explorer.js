/** The explorer: a database, its tables, and tabs that show one of them from several sides. */

import { Channel, decodeBlock, errorText, guardShortcuts, h, icon, noticeBox, tint } from "./core.js";
import { Picker } from "./alias_picker.js";
import { TableList } from "./table_list.js";
import { Trail } from "./trail.js";
import { TabBar } from "./tabs.js";
import { DataTab } from "./data_tab.js";
import { StructureTab } from "./structure_tab.js";
import { RelationsTab } from "./relations_tab.js";
import { ProfileTab } from "./profile_tab.js";
import { SqlTab } from "./sql_tab.js";
import { CodeTab } from "./code_tab.js";

/** @typedef {import("./core.js").AliasMark} AliasMark */
/** @typedef {import("./table_list.js").Table} Table */
/**
 * One side of a table. It is made when it is first looked at, and hears of a table only while it is looked at.
 * @typedef {object} Tab
 * @property {HTMLElement} element
 * @property {HTMLElement} [actions] its toolbar, beside the name of the table
 * @property {(opened: any) => void} open another table: what the kernel told about it, or null for none
 * @property {() => void} [enter] it has come to view
 * @property {() => void} [focus]
 * @property {() => void} [paint] the alias looks different now
 * @property {() => void} dispose
 */

const NARROW = 720;

/** @type {{name: string, label: string, make: (explorer: Explorer) => Tab}[]} */
const TABS = [
  { name: "data", label: "Data", make: (explorer) => explorer.data },
  { name: "structure", label: "Structure", make: (explorer) => new StructureTab(explorer) },
  { name: "relations", label: "Relations", make: (explorer) => new RelationsTab(explorer) },
  { name: "profile", label: "Profile", make: (explorer) => new ProfileTab(explorer) },
  { name: "sql", label: "SQL", make: (explorer) => new SqlTab(explorer) },
  { name: "code", label: "Code", make: (explorer) => new CodeTab(explorer) },
];

/** @param {{rows: number, columns: {tag: string, values: any[]}[]}} block @returns {Table[]} */
export function tablesOf({ rows, columns }) {
  const [names, schemas, kinds, estimates, comments] = columns.map(({ values }) => values);
  return Array.from({ length: rows }, (_, at) => ({ name: names[at], schema: schemas[at], kind: kinds[at], rows: estimates[at], comment: comments[at] }));
}

/** What a table is remembered by. @param {string | null} alias @param {{name: string, schema: string | null}} table */
export const tableKey = (alias, { name, schema }) => JSON.stringify([alias, schema, name]);

export class Explorer {
  /** @param {import("./core.js").Model} model */
  constructor(model) {
    this.model = model;
    this.channel = new Channel(model);
    /** @type {any} what `open` told about the table on screen */
    this.opened = null;
    /** @type {Table | null} the table that was asked for last */
    this.asked = null;
    this.visit = 0;
    this.narrow = this.drawer = this.folded = false;
    /** @type {Map<string, Tab>} */
    this.made = new Map();
    /** @type {Map<string, string>} the tab that each table was last looked at in */
    this.lookedAt = new Map();
    /** @type {Map<string, any>} what each tab was last told of */
    this.told = new Map();
    /** @type {Map<string, import("./trail.js").Crumb>} where tables were left */
    this.places = new Map();
    const { channel } = this;
    this.picker = new Picker(channel, { label: "Database", choices: model.get("choices"), value: model.get("alias"), onchosen: () => this.aliasChosen() });
    this.tables = new TableList({ onpick: (table) => this.pickTable(table), columns: (table) => this.columnsOf(table), tables: (schema) => this.tablesIn(schema) });
    this.tabs = new TabBar("Views of the table", TABS, (name) => this.showTab(name));
    this.toggle = h("button", { class: "mdb-tool", type: "button", "aria-label": "Show or hide the tables", title: "Tables", onclick: () => this.toggleTables() }, icon("panel"));
    this.reload = h("button", { class: "mdb-tool", type: "button", "aria-label": "Read again from the database", title: "Read again from the database", onclick: () => this.readAgain() }, icon("reload"));
    this.name = h("span", { class: "mdb-name" });
    this.size = h("span", { class: "mdb-count" });
    this.lock = h("span", { class: "mdb-pill", hidden: true }, icon("lock"), "read-only");
    this.trail = new Trail((crumb) => {
      this.keepFocus();
      this.openTable(crumb.table, { crumb });
    });
    this.toolbar = h("div", { class: "mdb-toolbars" });
    this.notice = h("div", { class: "mdb-notices" });
    this.production = h("span", { class: "mdb-production-word", hidden: true }, "production");
    const bar = h("div", { class: "mdb-bar-top" }, this.toggle, this.picker.element, this.production, h("span", { class: "mdb-gap" }), this.reload);
    const title = h("div", { class: "mdb-title" }, this.name, this.size, this.lock, h("span", { class: "mdb-gap" }), this.toolbar);
    const stage = h("div", { class: "mdb-stage" }, ...this.tabs.panels, this.notice);
    this.main = h("div", { class: "mdb-main" }, this.trail.element, title, this.tabs.element, stage);
    this.panes = h("div", { class: "mdb-panes" }, this.tables.element, this.main);
    this.root = h("div", { class: "mdb mdb-panel mdb-explorer", role: "region", "aria-label": "Database explorer" }, bar, this.panes);
    this.root.style.height = model.get("height");
    guardShortcuts(this.root);
    this.observer = new ResizeObserver(([entry]) => this.resized(entry.contentRect.width));
    this.observer.observe(this.root);
    this.main.addEventListener("pointerdown", () => this.drawer && this.toggleTables());
    this.choicesChanged = () => {
      this.picker.offer(model.get("choices"));
      this.paint();
    };
    model.on("change:choices", this.choicesChanged);
    this.data = new DataTab(this);
    this.showTab("data");
  }

  get alias() {
    return this.picker.value;
  }

  get mark() {
    return this.picker.choices.find(({ alias }) => alias === this.picker.value) ?? null;
  }

  dispose() {
    this.observer.disconnect();
    this.model.off("change:choices", this.choicesChanged);
    for (const tab of this.made.values()) tab.dispose();
    this.tables.dispose();
    this.picker.dispose();
    this.channel.dispose();
  }

  // ------------------------------------------------------------------ tabs

  /** @param {string} name @returns {Tab} */
  tab(name) {
    const found = this.made.get(name);
    if (found) return found;
    const made = /** @type {any} */ (TABS.find((tab) => tab.name === name)).make(this);
    this.made.set(name, made);
    this.tabs.panel(name).append(made.element);
    return made;
  }

  /** @param {string} name */
  showTab(name) {
    const tab = this.tab(name);
    this.tabs.show(name);
    this.toolbar.replaceChildren(...(tab.actions ? [tab.actions] : []));
    if (this.asked) this.lookedAt.set(tableKey(this.alias, this.asked), name);
    this.tell();
    tab.enter?.();
  }

  /** Tell the tab in view of the table, if it does not know yet, and the rows before it: other tabs ask what they show. */
  tell() {
    for (const name of new Set(["data", this.tabs.current])) {
      if (this.told.get(name) === this.opened) continue;
      this.told.set(name, this.opened);
      this.tab(name).open(this.opened);
    }
    this.paint();
  }

  /** A sentence about what was done, beside the rows. @param {string} text @param {"" | "good" | "bad"} [tone] */
  say(text, tone) {
    this.data.say(text, tone);
  }

  /** @param {string} text */
  tellSize(text) {
    this.size.textContent = text;
  }

  // ------------------------------------------------------------------ what is on screen

  start() {
    const { alias } = this;
    const table = this.model.get("table");
    const schema = this.model.get("schema");
    const visit = this.model.get("visit");
    // The page was loaded anew: the kernel still has the rows as they were, filters and order included.
    if (table && visit) this.places.set(tableKey(alias, { name: table, schema }), { alias, table: { name: table, schema, kind: "table", comment: null, rows: null }, visit, place: null, tab: "data", words: "" });
    tint(this.root, this.mark);
    if (!this.alias) this.showNotice({ look: "empty", title: "Choose a database", text: "The list above shows the aliases that are configured." });
    else this.enter(table ? { name: table, schema, kind: "table", comment: null, rows: null } : null);
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
    if (wanted) this.openTable(wanted, { fresh: refresh });
    this.tables.show([]);
    this.tables.say("Reading the tables …");
    try {
      const tables = await this.tablesIn(null, refresh);
      if (visit !== this.visit) return;
      this.entered(tables, wanted);
      this.readSchemas(visit);
    } catch (error) {
      if (visit === this.visit) this.notEntered(/** @type {Error} */ (error), wanted);
    }
  }

  /** @param {string | null} [schema] @param {boolean} [refresh] */
  async tablesIn(schema = null, refresh = false) {
    const { data } = await this.channel.request("tables", { refresh, schema }, { background: true });
    return tablesOf(decodeBlock(data[0]));
  }

  /** @param {Table} table */
  async columnsOf({ name, schema }) {
    const { message } = await this.channel.request("table_columns", { table: name, schema }, { background: true });
    return message.columns;
  }

  /** Where there are several schemas, the tree tells of all; nobody waits for it. @param {number} visit */
  async readSchemas(visit) {
    try {
      const { message } = await this.channel.request("schemas", {}, { background: true });
      if (visit === this.visit) this.tables.showSchemas(message.schemas, message.own);
    } catch {
      // The tables of the own schema are there, and what is wrong will be said where it matters.
    }
  }

  /** @param {Table[]} tables @param {Table | null} wanted */
  entered(tables, wanted) {
    this.tables.show(tables);
    this.tables.say(tables.length ? "" : "No tables");
    const found = wanted && tables.find(({ name, schema }) => name === wanted.name && (!wanted.schema || schema === wanted.schema));
    const asked = this.tables.takeAsked();
    if (asked) this.pickTable(asked);
    else if (found) this.tables.choose(found);
    else if (!wanted && tables.length) this.openTable(tables.find(({ kind }) => kind === "table") ?? tables[0]);
    else if (!tables.length) this.showNotice({ look: "empty", title: "No tables", text: `${this.alias} has no table or view yet.` });
  }

  /** @param {Error} error @param {Table | null} wanted */
  notEntered(error, wanted) {
    this.tables.say("");
    if (wanted && this.opened) return;
    this.showNotice({ look: "error", title: `${this.alias} can’t be read`, text: errorText(error), action: "Try again", onaction: () => this.enter(wanted) });
  }

  /** A notice in place of all tabs. @param {Parameters<typeof noticeBox>[0] | null} notice */
  showNotice(notice) {
    this.notice.replaceChildren(...(notice ? [noticeBox(notice)] : []));
  }

  closeTable() {
    this.remember();
    this.trail.clear();
    this.asked = null;
    this.name.textContent = this.size.textContent = "";
    this.told.clear();
    this.shown(null);
    this.showNotice({ look: "busy", title: "Reading the tables …" });
  }

  /** @param {any} opened @param {string} [tab] where it was last looked at */
  shown(opened, tab = this.tabs.current) {
    const held = this.root.contains(document.activeElement);
    this.opened = opened;
    this.showNotice(null);
    this.showTab(tab);
    if (held) this.keepFocus();
  }

  /** What had the focus may be gone with what was shown before; the next key must not be the notebook's. */
  keepFocus() {
    const node = document.activeElement;
    const seen = node && this.root.contains(node) && node.getClientRects().length > 0;
    if (!seen) this.tab(this.tabs.current).focus?.();
  }

  /** @param {Table} table */
  pickTable(table) {
    if (this.drawer) this.toggleTables();
    this.trail.clear();
    this.openTable(table);
    this.tab(this.tabs.current).focus?.();
  }

  /** Where the user is: what a way back leads to. @returns {import("./trail.js").Crumb | null} */
  standing() {
    const { opened, alias } = this;
    if (!opened || !this.asked) return null;
    return { alias, table: this.asked, visit: opened.visit, place: this.data.place, tab: this.tabs.current, words: this.data.words };
  }

  /** Keep where a table is left, so that it opens there again; what a relation led to is only kept on its way back. */
  remember() {
    const here = this.standing();
    if (here && !this.trail.crumbs.length) this.places.set(tableKey(here.alias, here.table), here);
  }

  /**
   * @param {Table} wanted
   * @param {{crumb?: import("./trail.js").Crumb, fresh?: boolean}} [how] fresh: not as it was left
   */
  async openTable(wanted, { crumb, fresh } = {}) {
    const { alias } = this;
    if (!crumb) this.remember();
    const table = this.tables.known(wanted);
    const key = tableKey(alias, table);
    const left = crumb ?? (fresh ? undefined : this.places.get(key));
    this.heading(table);
    const late = () => this.asked !== table || this.alias !== alias;
    try {
      const { message } = await this.channel.request("open", { alias, table: table.name, schema: table.schema, visit: left?.visit });
      if (late()) return;
      this.shown(message, crumb?.tab ?? this.lookedAt.get(key));
      if (left?.place && message.kept) this.data.stand(left.place);
    } catch (error) {
      if (late()) return;
      this.shown(null);
      this.showNotice({ look: "error", title: `${table.name} can’t be opened`, text: errorText(error), action: "Try again", onaction: () => this.openTable(table) });
    }
  }

  /** @param {Table} table */
  heading(table) {
    this.tables.choose(table);
    this.name.textContent = table.name;
    this.size.textContent = "";
    this.asked = table;
  }

  /**
   * Go along a relation of a row, to the rows that it leads to.
   * @param {{row: number, link?: number, column?: string}} way
   */
  async follow(way) {
    const here = this.standing();
    const { opened } = this;
    const { message } = await this.channel.job("follow", { epoch: this.data.grid.store.epoch, ...way }).answer;
    if (!here || this.opened !== opened) return;
    this.remember();
    this.trail.push(here);
    this.heading(this.tables.known({ name: message.table, schema: message.schema, kind: "table", comment: null, rows: null }));
    this.shown(message, "data");
    this.data.focus();
    this.data.stand({ x: 0, y: 0, active: { row: 0, column: 0 }, hasActive: true });
  }

  readAgain() {
    this.trail.clear();
    if (this.alias) this.enter(this.tables.current, true);
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

  paint() {
    const production = this.mark?.confirm === "production";
    this.root.classList.toggle("mdb-production", production);
    this.production.hidden = !production;
    this.lock.hidden = !this.mark?.read_only || !this.opened;
    this.tab(this.tabs.current).paint?.();
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
