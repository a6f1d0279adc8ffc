/** The searchable tree of schemas, tables and columns; only the lines in view are in the page, so thousands stay fast. */

import { compact, errorText, group, h, icon, uniqueId } from "./core.js";

/** @typedef {{name: string, schema: string | null, kind: string, comment: string | null, rows: number | null}} Table */
/** @typedef {{name: string, type: string, primary_key: boolean, refers: string | null}} TreeColumn */
/**
 * The tables of a schema; null while nobody has asked for them.
 * @typedef {object} Group
 * @property {string} name
 * @property {boolean} open
 * @property {Table[] | null} tables
 */
/**
 * @typedef {object} TreeLine
 * @property {"schema" | "table" | "column" | "note"} kind
 * @property {number} level
 * @property {string} text
 * @property {boolean} [open] whether it is unfolded, where it can be
 * @property {Group} [group]
 * @property {Table} [table]
 * @property {TreeColumn} [column]
 * @property {number} size how many lines there are beside it, with it
 * @property {number} place from 1
 */

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

/** @param {Table} table */
const lineKey = ({ name, schema }) => JSON.stringify([schema, name]);

/**
 * The lines of the tree from top to bottom. A single schema has no line of its own, and a search unfolds all that is known.
 * @param {Group[]} groups
 * @param {Map<string, TreeColumn[] | null>} unfolded the columns of tables, null while they are being read
 * @param {string} text what is searched for
 * @returns {TreeLine[]}
 */
export function treeLines(groups, unfolded, text) {
  /** @type {TreeLine[]} */
  const lines = [];
  const alone = groups.length === 1;
  const sought = Boolean(text.trim());
  for (const [at, group_] of groups.entries()) {
    const tables = findTables(group_.tables ?? [], text);
    const open = alone || (sought ? tables.length > 0 : group_.open);
    if (sought && !tables.length) continue;
    if (!alone) lines.push({ kind: "schema", level: 1, text: group_.name, open, group: group_, size: groups.length, place: at + 1 });
    if (!open) continue;
    const level = alone ? 1 : 2;
    if (!group_.tables) lines.push({ kind: "note", level, text: "Reading the tables …", size: 1, place: 1 });
    else if (!tables.length && !alone) lines.push({ kind: "note", level, text: "No tables", size: 1, place: 1 });
    for (const [place, table] of tables.entries()) {
      const columns = unfolded.get(lineKey(table));
      lines.push({ kind: "table", level, text: table.name, open: columns !== undefined, table, size: tables.length, place: place + 1 });
      if (columns === null) lines.push({ kind: "note", level: level + 1, text: "Reading the columns …", size: 1, place: 1 });
      for (const [n, column] of (columns ?? []).entries()) lines.push({ kind: "column", level: level + 1, text: column.name, table, column, size: columns?.length ?? 0, place: n + 1 });
    }
  }
  return lines;
}

export class TableList {
  /**
   * @param {{onpick: (table: Table) => void, columns: (table: Table) => Promise<TreeColumn[]>, tables: (schema: string) => Promise<Table[]>}} events
   */
  constructor(events) {
    this.events = events;
    this.id = uniqueId("tables");
    /** @type {Group[]} */
    this.groups = [];
    /** @type {TreeLine[]} */
    this.shown = [];
    /** @type {Map<string, TreeColumn[] | null>} */
    this.unfolded = new Map();
    /** @type {Table | null} */
    this.current = null;
    this.at = this.edition = 0;
    // Whether somebody pressed Enter before the tables were there.
    this.hurried = false;
    this.drawn = "";
    this.search = h("input", { class: "mdb-input", type: "text", placeholder: "Search tables", "aria-label": "Search tables", autocomplete: "off", spellcheck: "false", role: "combobox", "aria-haspopup": "tree", "aria-expanded": "true", "aria-controls": this.id });
    this.total = h("span", { class: "mdb-search-count" });
    this.space = h("div", { class: "mdb-lines", role: "presentation" });
    this.list = h("div", { class: "mdb-tables", id: this.id, role: "tree", tabindex: 0, "aria-label": "Tables" }, this.space);
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

  /** All tables that are known. */
  get tables() {
    return this.groups.flatMap(({ tables }) => tables ?? []);
  }

  /** The tables of the alias's own schema. @param {Table[]} tables */
  show(tables) {
    this.groups = [{ name: "", open: true, tables }];
    this.unfolded.clear();
    if (!tables.length) this.hurried = false;
    // Whoever types already while the tables come goes on with it.
    if (document.activeElement !== this.search) this.search.value = "";
    this.filter();
  }

  /** The table that Enter asked for before it was there. @returns {Table | null} */
  takeAsked() {
    const line = this.hurried ? this.shown[this.at] : undefined;
    this.hurried = false;
    return line?.table ?? null;
  }

  /** The schemas that there are besides. @param {string[]} names @param {string} own */
  showSchemas(names, own) {
    const others = names.filter((name) => name !== own);
    if (!others.length || this.groups.length !== 1) return;
    this.groups = [{ ...this.groups[0], name: own }, ...others.map((name) => ({ name, open: false, tables: null }))];
    this.rebuild();
  }

  /** Instead of tables: that they are being read, that there are none, or why not. @param {string} text */
  say(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  /** The entry of a table that somebody named, or what was named. @param {Table} wanted */
  known(wanted) {
    const own = this.groups[0]?.name;
    return this.tables.find(({ name, schema }) => name === wanted.name && (!wanted.schema || (schema ?? own) === wanted.schema || (!schema && !own))) ?? wanted;
  }

  /** @param {Table | null} table */
  choose(table) {
    this.current = table;
    if (!this.search.value) {
      this.at = Math.max(0, this.lineOf(table));
      this.reveal();
    }
    this.paint();
  }

  /** @param {Table | null} table */
  lineOf(table) {
    return this.shown.findIndex((line) => line.kind === "table" && line.table === table);
  }

  filter() {
    this.rebuild();
    this.at = this.search.value ? Math.max(0, this.shown.findIndex(({ kind }) => kind === "table")) : Math.max(0, this.lineOf(this.current));
    this.list.scrollTop = 0;
    if (!this.search.value) this.reveal();
    this.paint();
  }

  /** The same tree with other lines; the place stays with its line. */
  rebuild() {
    const here = this.shown[this.at];
    this.shown = treeLines(this.groups, this.unfolded, this.search.value);
    const same = here ? this.shown.findIndex((line) => line.kind === here.kind && line.text === here.text && line.table === here.table) : -1;
    this.at = Math.max(0, same >= 0 ? same : Math.min(this.at, this.shown.length - 1));
    this.edition += 1;
    this.space.style.height = `${this.shown.length * LINE}px`;
    const all = this.tables.length;
    const found = this.search.value ? this.shown.filter(({ kind }) => kind === "table").length : all;
    this.total.textContent = all ? (found < all ? `${compact(found)}/${compact(all)}` : group(all)) : "";
    if (all) this.say(this.shown.length ? "" : "No table matches");
    this.paint();
  }

  // ------------------------------------------------------------------ painting

  paint() {
    const from = Math.max(0, Math.floor(this.list.scrollTop / LINE) - SPARE);
    const to = Math.min(this.shown.length, Math.ceil((this.list.scrollTop + this.list.clientHeight) / LINE) + SPARE);
    const drawn = [from, to, this.at, this.current && this.lineOf(this.current), this.search.value, this.edition].join();
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

  /** @param {TreeLine} line @param {number} at */
  line(line, at) {
    const chosen = line.kind === "table" && line.table === this.current;
    const node = h(
      "div",
      {
        class: `mdb-line mdb-line-${line.kind}${chosen ? " mdb-current" : ""}${at === this.at ? " mdb-here" : ""}`, id: `${this.id}-${at}`, role: "treeitem",
        "aria-level": line.level, "aria-expanded": line.open === undefined ? undefined : String(line.open), "aria-selected": String(chosen), "aria-setsize": line.size, "aria-posinset": line.place, "data-at": at,
        title: this.words(line),
      },
      line.open !== undefined && h("span", { class: `mdb-fold${line.open ? " mdb-unfolded" : ""}`, "data-fold": at }, icon("chevron")),
      ...this.content(line),
    );
    node.style.top = `${at * LINE}px`;
    node.style.setProperty("--mdb-level", String(line.level));
    return node;
  }

  /** @param {TreeLine} line */
  content({ kind, text, table, column }) {
    if (kind === "note") return [h("span", { class: "mdb-line-name mdb-faint" }, text)];
    if (kind === "schema") return [icon("schema"), h("span", { class: "mdb-line-name" }, text)];
    if (kind === "column") return [h("span", { class: "mdb-line-name" }, text), h("span", { class: "mdb-line-rows" }, column?.primary_key && "key · ", column?.refers && "→ · ", column?.type)];
    const [before, match, after] = splitMatch(text, this.search.value);
    const rows = table?.rows;
    return [
      icon(table?.kind === "view" ? "view" : "table"),
      h("span", { class: "mdb-line-name" }, before, match && h("b", {}, match), after),
      typeof rows === "number" && h("span", { class: "mdb-line-rows" }, "≈ ", compact(rows)),
    ];
  }

  /** @param {TreeLine} line */
  words({ kind, text, table, column }) {
    if (kind === "column") return [text, column?.type, column?.refers && `refers to ${column.refers}`].filter(Boolean).join(" · ");
    if (!table) return text;
    const { name, schema, rows, comment } = table;
    return [schema ? `${schema}.${name}` : name, table.kind, typeof rows === "number" && `≈ ${group(rows)} rows`, comment].filter(Boolean).join(" · ");
  }

  reveal() {
    const top = this.at * LINE;
    const { scrollTop, clientHeight } = this.list;
    if (top < scrollTop) this.list.scrollTop = top;
    else if (top + LINE > scrollTop + clientHeight) this.list.scrollTop = top + LINE - clientHeight;
  }

  // ------------------------------------------------------------------ what is done with it

  /** @param {Event} event */
  click(event) {
    const target = event.target instanceof Element ? event.target : null;
    const node = target?.closest(".mdb-line");
    if (!(node instanceof HTMLElement)) return;
    this.at = Number(node.dataset.at);
    const line = this.shown[this.at];
    if (target?.closest(".mdb-fold") || line.kind === "schema") this.fold(line, !line.open);
    else this.pick(line);
    this.paint();
  }

  /** @param {TreeLine | undefined} line */
  pick(line) {
    if (line?.kind === "schema") this.fold(line, !line.open);
    else if (line?.table) this.events.onpick(line.table);
  }

  /** @param {TreeLine} line @param {boolean} open */
  fold({ kind, group: group_, table }, open) {
    if (kind === "schema" && group_) this.foldSchema(group_, open);
    if (kind === "table" && table) this.foldTable(table, open);
  }

  /** @param {Group} group_ @param {boolean} open */
  async foldSchema(group_, open) {
    group_.open = open;
    this.rebuild();
    if (!open || group_.tables) return;
    try {
      group_.tables = await this.events.tables(group_.name);
    } catch (error) {
      group_.open = false;
      this.say(errorText(error));
    }
    this.rebuild();
  }

  /** @param {Table} table @param {boolean} open */
  async foldTable(table, open) {
    const key = lineKey(table);
    if (open) this.unfolded.set(key, null);
    else this.unfolded.delete(key);
    this.rebuild();
    if (!open) return;
    try {
      const columns = await this.events.columns(table);
      if (this.unfolded.has(key)) this.unfolded.set(key, columns);
    } catch (error) {
      this.unfolded.delete(key);
      this.say(errorText(error));
    }
    this.rebuild();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.acted(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether it was ours */
  acted({ key, target }) {
    const inTree = target === this.list;
    const page = Math.max(1, Math.floor(this.list.clientHeight / LINE) - 1);
    const moves = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page });
    if (inTree) Object.assign(moves, { Home: -this.shown.length, End: this.shown.length });
    if (moves[key]) return this.go(this.at + moves[key]);
    if (inTree && (key === "ArrowRight" || key === "ArrowLeft")) return this.sideways(key === "ArrowRight");
    if (key === "Enter" || (key === " " && inTree)) {
      this.hurried = !this.tables.length;
      this.pick(this.shown[this.at]);
      return true;
    }
    if (key !== "Escape" || !this.search.value) return false;
    this.search.value = "";
    this.filter();
    return true;
  }

  /** @param {number} at */
  go(at) {
    this.at = Math.max(0, Math.min(at, this.shown.length - 1));
    this.reveal();
    this.paint();
    return true;
  }

  /** Unfold, and then into it; fold, and from inside to what holds it. @param {boolean} inwards */
  sideways(inwards) {
    const line = this.shown[this.at];
    if (!line) return false;
    if (inwards ? line.open === false : line.open) this.fold(line, inwards);
    else if (inwards && line.open) this.go(this.at + 1);
    else if (!inwards) {
      const parent = this.shown.slice(0, this.at).findLastIndex(({ level }) => level < line.level);
      if (parent >= 0) this.go(parent);
    }
    return true;
  }
}
