/** The searchable list of tables; only the entries in view are in the page, so 2,000 stay fast. */

import { compact, group, h, icon, uniqueId } from "./core.js";

/** @typedef {{name: string, schema: string | null, kind: string, comment: string | null, rows: number | null}} Table */

const LINE = 28;
const SPARE = 6;

/**
 * Tables whose name contains every word; those that begin with the text come first.
 * @param {Table[]} tables
 * @param {string} text
 */
export function findTables(tables, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return tables;
  const found = tables.filter(({ name, schema }) => {
    const hay = `${schema ?? ""}.${name}`.toLowerCase();
    return words.every((word) => hay.includes(word));
  });
  const starts = (/** @type {Table} */ { name }) => (name.toLowerCase().startsWith(words[0]) ? 0 : 1);
  return found.sort((a, b) => starts(a) - starts(b));
}

/**
 * A name cut where it matches, for marking the match without any markup.
 * @param {string} name
 * @param {string} text
 * @returns {[string, string, string]}
 */
export function splitMatch(name, text) {
  const word = text.toLowerCase().split(/\s+/).find((part) => part && name.toLowerCase().includes(part));
  if (!word) return [name, "", ""];
  const at = name.toLowerCase().indexOf(word);
  return [name.slice(0, at), name.slice(at, at + word.length), name.slice(at + word.length)];
}

export class TableList {
  /** @param {(table: Table) => void} onpick */
  constructor(onpick) {
    this.onpick = onpick;
    this.id = uniqueId("tables");
    /** @type {Table[]} */
    this.tables = [];
    /** @type {Table[]} */
    this.shown = [];
    /** @type {Table | null} */
    this.current = null;
    this.at = this.edition = 0;
    this.drawn = "";
    this.schemas = false;
    this.search = h("input", { class: "mdb-input", type: "text", placeholder: "Search tables", "aria-label": "Search tables", autocomplete: "off", spellcheck: "false", role: "combobox", "aria-expanded": "true", "aria-controls": this.id });
    this.total = h("span", { class: "mdb-search-count" });
    this.space = h("div", { class: "mdb-lines", role: "presentation" });
    this.list = h("div", { class: "mdb-tables", id: this.id, role: "listbox", tabindex: 0, "aria-label": "Tables" }, this.space);
    this.note = h("div", { class: "mdb-list-note" });
    this.element = h("div", { class: "mdb-side" }, h("div", { class: "mdb-search" }, icon("search"), this.search, this.total), this.list, this.note);
    this.search.addEventListener("input", () => this.filter());
    for (const node of [this.search, this.list]) node.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("scroll", () => this.paint());
    this.list.addEventListener("click", (event) => this.click(event));
    this.observer = new ResizeObserver(() => this.paint());
    this.observer.observe(this.list);
  }

  dispose() {
    this.observer.disconnect();
  }

  /** @param {Table[]} tables */
  show(tables) {
    this.tables = tables;
    this.edition += 1;
    this.schemas = new Set(tables.map(({ schema }) => schema)).size > 1;
    this.search.value = "";
    this.filter();
  }

  /** Instead of tables: that they are being read, that there are none, or why not. @param {string} text */
  say(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  /** The entry of a table that somebody named, or what was named. @param {Table} wanted */
  known(wanted) {
    return this.tables.find(({ name, schema }) => name === wanted.name && (!wanted.schema || !schema || schema === wanted.schema)) ?? wanted;
  }

  /** @param {Table | null} table */
  choose(table) {
    this.current = table;
    this.at = Math.max(0, table ? this.shown.indexOf(table) : 0);
    this.reveal();
    this.paint();
  }

  filter() {
    this.shown = findTables(this.tables, this.search.value);
    this.at = this.search.value || !this.current ? 0 : Math.max(0, this.shown.indexOf(this.current));
    this.space.style.height = `${this.shown.length * LINE}px`;
    this.total.textContent = this.tables.length ? (this.shown.length < this.tables.length ? `${compact(this.shown.length)}/${compact(this.tables.length)}` : group(this.tables.length)) : "";
    if (this.tables.length) this.say(this.shown.length ? "" : "No table matches");
    this.list.scrollTop = 0;
    if (!this.search.value) this.reveal();
    this.paint();
  }

  paint() {
    const from = Math.max(0, Math.floor(this.list.scrollTop / LINE) - SPARE);
    const to = Math.min(this.shown.length, Math.ceil((this.list.scrollTop + this.list.clientHeight) / LINE) + SPARE);
    const drawn = [from, to, this.at, this.current && this.shown.indexOf(this.current), this.search.value, this.edition].join();
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    // Lines are replaced only where they differ: a press and its release must meet the same element to be a click.
    const lines = [];
    for (let at = from; at < to; at += 1) lines.push(this.line(this.shown[at], at));
    this.space.replaceChildren(...lines);
    const inView = this.at >= from && this.at < to;
    for (const holder of [this.search, this.list]) {
      if (inView) holder.setAttribute("aria-activedescendant", `${this.id}-${this.at}`);
      else holder.removeAttribute("aria-activedescendant");
    }
  }

  /** @param {Table} table @param {number} at */
  line(table, at) {
    const [before, match, after] = splitMatch(table.name, this.search.value);
    const known = typeof table.rows === "number";
    const node = h(
      "div",
      {
        class: `mdb-line${table === this.current ? " mdb-current" : ""}${at === this.at ? " mdb-here" : ""}`, id: `${this.id}-${at}`, role: "option",
        "aria-selected": String(table === this.current), "aria-setsize": this.shown.length, "aria-posinset": at + 1, "data-at": at,
        title: [table.schema ? `${table.schema}.${table.name}` : table.name, table.kind, known && `≈ ${group(/** @type {number} */ (table.rows))} rows`, table.comment].filter(Boolean).join(" · "),
      },
      icon(table.kind === "view" ? "view" : "table"),
      h("span", { class: "mdb-line-name" }, this.schemas && table.schema && h("span", { class: "mdb-line-schema" }, `${table.schema}.`), before, match && h("b", {}, match), after),
      known && h("span", { class: "mdb-line-rows" }, "≈ ", compact(/** @type {number} */ (table.rows))),
    );
    node.style.top = `${at * LINE}px`;
    return node;
  }

  reveal() {
    const top = this.at * LINE;
    const { scrollTop, clientHeight } = this.list;
    if (top < scrollTop) this.list.scrollTop = top;
    else if (top + LINE > scrollTop + clientHeight) this.list.scrollTop = top + LINE - clientHeight;
  }

  /** @param {Event} event */
  click(event) {
    const node = event.target instanceof Element ? event.target.closest(".mdb-line") : null;
    if (node instanceof HTMLElement) this.pick(Number(node.dataset.at));
  }

  /** @param {number} at */
  pick(at) {
    const table = this.shown[at];
    if (!table) return;
    this.at = at;
    this.onpick(table);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.list.clientHeight / LINE) - 1);
    const moves = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page });
    if (event.target === this.list) Object.assign(moves, { Home: -this.shown.length, End: this.shown.length });
    const step = moves[event.key];
    if (step) {
      this.at = Math.max(0, Math.min(this.at + step, this.shown.length - 1));
      this.reveal();
      this.paint();
    } else if (event.key === "Enter" || (event.key === " " && event.target === this.list)) this.pick(this.at);
    else if (event.key === "Escape" && this.search.value) {
      this.search.value = "";
      this.filter();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
