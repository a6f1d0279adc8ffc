/** The grid: real DOM cells for the rows in view, placed by row number, for any number of rows. */

import {
  Channel, KernelError, addRows, countRows, errorText, group, h, hasRow, icon, noticeBox, removeRows, showValue, uniqueId,
} from "./core.js";
import { Store } from "./store.js";
import { ScrollBar } from "./scrollbar.js";
import { GridInput, ROW } from "./grid_input.js";
import { RowPool } from "./grid_rows.js";
import { GridFoot } from "./grid_foot.js";
import { GridMenu } from "./grid_menu.js";
import { GridHead } from "./grid_head.js";
import { GridOrder } from "./grid_order.js";
import { MIN_WIDTH, arranged, columnWindow, edges, fitWidth, nextSort } from "./columns.js";

/** @typedef {import("./core.js").Interval} Interval */
/** @typedef {import("./grid_menu.js").MenuItem} MenuItem */
/** @typedef {import("./grid_menu.js").MenuPlace} MenuPlace */
/** @typedef {import("./columns.js").Column} Column */
/** @typedef {import("./columns.js").SortKey} SortKey */
/** @typedef {import("./columns.js").Layout} Layout */
/**
 * What the grid needs to know before its first row.
 * @typedef {object} Opening
 * @property {Column[]} columns
 * @property {number} epoch
 * @property {number | null} row_count exact, or null until it was counted
 * @property {number | null} row_estimate
 * @property {string} title
 * @property {SortKey[]} [sort]
 * @property {SortKey[]} [default_sort] the order of the QuerySet itself, which holds while no other is chosen
 * @property {number | null} [first_rows] how many there are, where only the first ones of an order were asked for
 * @property {Interval[]} [selection]
 * @property {Record<string, any>} [parts] what the kernel's side of each part tells, by its name
 */

/**
 * How a part changes a cell: another value in it, more classes, and words for the pointer and the screen reader.
 * @typedef {object} CellLook
 * @property {{tag: string, value: any}} [cell]
 * @property {import("./core.js").Shown} [shown]
 * @property {string} [look]
 * @property {string} [title]
 */

/**
 * A part of the grid: edits, filters, a viewer. It is made with the grid and lives as long; every method is optional.
 * @typedef {object} Part
 * @property {(opening: Opening) => void} [opened] another table is shown
 * @property {(state: any) => void} [renewed] the same table with other rows
 * @property {(row: number, column: number) => CellLook | null} [cellLook]
 * @property {(row: number) => string} [rowLook] more classes of a row, each with a space before it
 * @property {(row: number) => string | undefined} [rowName] what stands in place of its number
 * @property {(event: KeyboardEvent) => boolean} [key] before the grid's own keys; true where it was meant for the part
 * @property {(place: MenuPlace) => MenuItem[]} [menu]
 * @property {() => void} [moved] another cell is active, or the rows were scrolled
 * @property {() => void} [paint] with each frame that is painted
 * @property {() => void} [dispose]
 */
/** @typedef {(grid: Grid) => Part} PartMaker */

export class Grid {
  /**
   * @param {Channel} channel
   * @param {{onselect?: (rows: Interval[]) => void, onsize?: (text: string) => void, onfollow?: (link: import("./grid_links.js").Followed) => void}} [events] onfollow: a foreign key was followed; without it none is a link
   * @param {PartMaker[]} [makers]
   */
  constructor(channel, events = {}, makers = []) {
    this.channel = channel;
    this.events = events;
    this.id = uniqueId("grid");
    /** All that the kernel sends. @type {Column[]} */
    this.all = [];
    /** Those that are shown, in their order; the first ones may be pinned. @type {Column[]} */
    this.columns = [];
    /** @type {Layout} */
    this.layout = {};
    this.pinned = 0;
    /** @type {number[]} */
    this.widths = [];
    this.lefts = [0];
    /** @type {SortKey[]} */
    this.sort = [];
    /** @type {SortKey[]} */
    this.defaultSort = [];
    /** @type {Interval[]} */
    this.selected = [];
    this.pivot = 0;
    this.active = { row: 0, column: 0 };
    this.corner = { row: 0, column: 0 };
    this.hasActive = false;
    this.x = this.y = this.width = this.height = 0;
    this.fitted = this.frameAsked = false;
    this.font = "13px sans-serif";
    this.title = "";
    this.store = new Store((body) => channel.request("win", body), {
      onrows: () => this.rowsCame(),
      onerror: (error, block) => this.failed(error, block),
    });
    this.header = new GridHead(this);
    this.head = this.header.element;
    this.pool = new RowPool(this);
    this.body = h("div", { class: "mdb-body", role: "rowgroup" }, this.pool.element);
    this.view = h("div", { class: "mdb-view", role: "grid", tabindex: 0, "aria-multiselectable": "true", "aria-label": "Table" }, this.head, this.body);
    this.barY = new ScrollBar("y", (y) => this.scrollTo(this.x, y), () => group(Math.floor(this.y / ROW) + 1));
    this.barX = new ScrollBar("x", (x) => this.scrollTo(x, this.y));
    this.notice = h("div", { class: "mdb-notices" });
    /** What stands where no row is left, if a part knows better than that the table is empty. @type {Parameters<typeof noticeBox>[0] | null} */
    this.emptyNotice = null;
    this.banner = h("div", { class: "mdb-banner", role: "alert", hidden: true });
    this.frame = h("div", { class: "mdb-frame" }, this.view, this.barY.element, this.barX.element, this.notice);
    this.foot = new GridFoot(this);
    /** Lines above the rows, for parts. */
    this.top = h("div", { class: "mdb-top" });
    /** Lines below the rows: what comes and goes there does not move them. */
    this.bottom = h("div", { class: "mdb-bottom" });
    /** Rows of parts after the last one of the table. */
    this.extraRows = 0;
    this.element = h("div", { class: "mdb-grid" }, this.top, this.banner, this.frame, this.bottom, this.foot.element);
    this.observer = new ResizeObserver(([entry]) => this.resized(entry.contentRect.width, entry.contentRect.height));
    this.lateWatch = () => this.ask();
    this.order = new GridOrder(this);
    this.input = new GridInput(this);
    this.menu = new GridMenu(this);
    this.observer.observe(this.body);
    channel.watchers.add(this.lateWatch);
    /** @type {Part[]} */
    this.parts = makers.map((make) => make(this));
  }

  dispose() {
    this.observer.disconnect();
    this.input.dispose();
    this.order.dispose();
    this.menu.close();
    for (const part of this.parts) part.dispose?.();
    this.channel.watchers.delete(this.lateWatch);
  }

  // ------------------------------------------------------------------ what is shown

  /** Show another table. @param {Opening} opening */
  open(opening) {
    const same = JSON.stringify(opening.columns) === JSON.stringify(this.all);
    this.all = opening.columns;
    this.title = opening.title;
    this.x = this.y = 0;
    this.hasActive = false;
    this.active = { row: 0, column: 0 };
    this.corner = { row: 0, column: 0 };
    this.sort = opening.sort ?? [];
    this.defaultSort = opening.default_sort ?? [];
    this.say("");
    this.fitted = this.fitted && same;
    this.arrange(opening.parts?.layout ?? {});
    this.view.setAttribute("aria-label", opening.title);
    for (const part of this.parts) part.opened?.(opening);
    this.renew(opening);
    this.select(opening.selection ?? []);
  }

  /** Show the columns as they were arranged. @param {Layout} layout */
  arrange(layout) {
    const known = new Map(this.columns.map(({ name }, at) => [name, this.widths[at]]));
    const { shown, pins } = arranged(this.all, layout);
    this.layout = layout;
    this.columns = shown;
    this.pinned = pins;
    this.store.places = shown.map(({ place }, at) => place ?? at);
    this.active = this.corner = { row: this.active.row, column: Math.max(0, Math.min(this.active.column, shown.length - 1)) };
    this.view.setAttribute("aria-colcount", String(shown.length + 1));
    const given = layout.widths ?? {};
    this.setWidths(shown.map((column, at) => given[column.name] ?? (this.fitted ? known.get(column.name) ?? this.fit(at) : fitWidth(column, [], this.font))));
    this.clamp();
  }

  /** The same table with other rows: after a sort, a write, or on request. @param {{epoch: number, row_count: number | null, row_estimate: number | null, sort?: SortKey[], first_rows?: number | null, parts?: Record<string, any>}} state */
  renew(state) {
    this.sort = state.sort ?? this.sort;
    const exact = state.row_count !== null;
    this.store.reset({ epoch: state.epoch, rowCount: exact ? state.row_count : state.row_estimate, exact });
    this.order.renewed(state);
    this.notice.replaceChildren();
    this.banner.hidden = true;
    this.select([]);
    for (const part of this.parts) part.renewed?.(state);
    this.clamp();
    this.look();
    this.ask();
  }

  /** What the answer to a write means here: other rows, or the same ones, of which what was stopped is asked for again. @param {any} message */
  written(message) {
    if (message.epoch > this.store.epoch) this.renew(message);
    else if (message.stopped) this.order.resume();
  }

  /** Nothing but a notice. @param {Parameters<typeof noticeBox>[0] | null} notice */
  showNotice(notice) {
    this.notice.replaceChildren(...(notice ? [noticeBox(notice)] : []));
  }

  /** A sentence in the footer. @param {string} text @param {"" | "good" | "bad"} [tone] */
  say(text, tone = "") {
    this.foot.sentence = { text, tone };
    this.ask();
  }

  rowsCame() {
    // The rows after those in view may come first, and be none.
    if (!this.fitted && this.store.blockOf(this.firstRow)?.rows) this.fitAll();
    this.clamp();
    this.ask();
    this.order.rowsCame();
  }

  /** Count the rows although none of them came, for a grid that is not in view. */
  count() {
    return this.order.rowsCame();
  }

  /** @param {Error} error @param {number} block */
  failed(error, block) {
    if (error instanceof KernelError && error.stale) this.resync();
    // What is stopped makes way for a write, whose answer says what comes next.
    if (error instanceof KernelError && (error.stale || error.cancelled)) return;
    const again = () => {
      this.showNotice(null);
      this.banner.hidden = true;
      this.store.retry();
      this.look();
      this.ask();
    };
    if (this.store.blocks.size === 0) {
      this.showNotice({ look: "error", title: "These rows can’t be shown", text: errorText(error), action: "Try again", onaction: again });
    } else {
      const text = `Rows from ${group(block * 200 + 1)} can’t be shown. ${errorText(error)}`;
      this.banner.replaceChildren(icon("warning"), h("span", {}, text), h("button", { class: "mdb-link", type: "button", onclick: again }, "Try again"));
      this.banner.hidden = false;
    }
    this.ask();
  }

  /** Read the rows on screen again. */
  reread() {
    this.channel.request("reread").then(({ message }) => this.renew(message), (error) => this.say(errorText(error), "bad"));
  }

  /** Another view of this panel, or Python, went on without us: start from where the kernel is. */
  async resync() {
    const { message } = await this.channel.request("columns");
    if (JSON.stringify(message.columns) === JSON.stringify(this.all)) this.renew(message);
    else this.open(message);
  }

  // ------------------------------------------------------------------ geometry

  get length() {
    return this.store.length + this.extraRows;
  }

  /** What a cell holds on the screen: the value of the table, or what a part has put on top. @param {number} row @param {number} column @returns {{tag: string, value: any} | undefined} */
  cellAt(row, column) {
    const { cell, shown } = this.pool.lookOf(row, column);
    if (!cell && shown) return { tag: "text", value: shown.look === "null" ? null : shown.text };
    return cell ?? this.store.cell(row, column);
  }

  /** Where a cell is in the frame, and whether it is in view. @param {number} row @param {number} column */
  cellBox(row, column) {
    const pinned = column < this.pins;
    const edge = this.headWidth + (pinned ? 0 : this.pinWidth);
    const left = this.headWidth + this.lefts[column] - (pinned ? 0 : this.x);
    const width = this.lefts[column + 1] - this.lefts[column];
    const inY = row * ROW - this.y;
    const seen = inY > -ROW && inY < this.height && left + width > edge && left < this.width;
    return { left: Math.max(left, edge), top: inY + this.body.offsetTop, width, seen };
  }

  /** @param {number} width @param {number} height */
  resized(width, height) {
    if (!this.width && width) this.font = this.readFont();
    this.width = width;
    this.height = height;
    this.clamp();
    this.look();
    this.ask();
  }

  readFont() {
    const style = getComputedStyle(this.view);
    return `${style.fontSize} ${style.fontFamily}`;
  }

  get headWidth() {
    return Math.round(40 + 7.4 * Math.max(3, group(this.length).length));
  }

  get roomX() {
    return Math.max(0, this.width - this.headWidth);
  }

  /** How many columns are pinned; none where they would leave no room for the others. */
  get pins() {
    return this.lefts[this.pinned] <= this.roomX * 0.7 ? this.pinned : 0;
  }

  get pinWidth() {
    return this.lefts[this.pins];
  }

  /** How many rows of the grid are above the first row of the table. */
  get headRows() {
    return this.header.rows;
  }

  /** The columns that scroll and touch the view. */
  get window() {
    const { pins, pinWidth } = this;
    return columnWindow(this.lefts, this.x + pinWidth, Math.max(0, this.roomX - pinWidth), Math.min(pins, Math.max(0, this.columns.length - 1)));
  }

  get total() {
    return this.lefts[this.lefts.length - 1];
  }

  clamp() {
    this.y = Math.max(0, Math.min(this.y, this.length * ROW - this.height));
    this.x = Math.max(0, Math.min(this.x, this.total - this.roomX));
  }

  /** @param {number} x @param {number} y */
  scrollTo(x, y) {
    [this.x, this.y] = [x, y];
    this.clamp();
    for (const part of this.parts) part.moved?.();
    this.look();
    this.ask();
  }

  get firstRow() {
    return Math.floor(this.y / ROW);
  }

  get lastRow() {
    return Math.min(this.length - 1, Math.floor((this.y + this.height - 1) / ROW));
  }

  /** The request leaves before the DOM is touched: painting takes longer than the kernel. */
  look() {
    if (this.columns.length && this.height) this.store.look(this.firstRow, this.firstRow + Math.ceil(this.height / ROW));
  }

  /** @param {number[]} widths */
  setWidths(widths) {
    this.widths = widths;
    this.lefts = edges(widths);
    this.ask();
  }

  /** @param {number} column @param {number} width */
  setWidth(column, width) {
    const widths = [...this.widths];
    widths[column] = Math.max(MIN_WIDTH, Math.round(width));
    this.setWidths(widths);
    this.clamp();
  }

  /** @param {number} column */
  fit(column) {
    const texts = [];
    for (const block of this.store.blocks.values()) {
      const { tag, values } = this.store.columnOf(block, column);
      texts.push(...values.slice(0, 100).map((value) => showValue(tag, value).text));
    }
    return fitWidth(this.columns[column], texts, this.font);
  }

  fitAll() {
    this.fitted = true;
    const given = this.layout.widths ?? {};
    this.setWidths(this.columns.map(({ name }, column) => given[name] ?? this.fit(column)));
  }

  // ------------------------------------------------------------------ painting

  /** Paint with the next frame, once. */
  ask() {
    if (this.frameAsked) return;
    this.frameAsked = true;
    requestAnimationFrame(() => {
      this.frameAsked = false;
      this.paint();
    });
  }

  paint() {
    const [first, end] = this.window;
    this.paintFrame(first, end);
    this.pool.paint(first, end);
    const bare = this.store.exact && this.length === 0 && this.columns.length > 0;
    if (bare && !this.notice.hasChildNodes()) this.showNotice(this.emptyNotice ?? { look: "empty", title: "No rows", text: `${this.title || "This table"} is empty.` });
    this.foot.paint();
    const { view, active, length } = this;
    view.setAttribute("aria-rowcount", String(this.store.exact ? length + this.headRows : -1));
    const seen = this.hasActive && (active.row < 0 || (active.row >= this.firstRow && active.row <= this.lastRow));
    if (seen) view.setAttribute("aria-activedescendant", `${this.id}-active`);
    else view.removeAttribute("aria-activedescendant");
    this.barY.place(this.height, this.height, length * ROW, this.y);
    this.barX.place(this.roomX, this.roomX, this.total, this.x);
    this.order.paint();
    for (const part of this.parts) part.paint?.();
  }

  /** @param {number} first @param {number} end */
  paintFrame(first, end) {
    const { style } = this.view;
    const { pins } = this;
    const template = (/** @type {number[]} */ widths) => widths.map((width) => `${width}px`).join(" ");
    this.element.style.setProperty("--mdb-head-width", `${this.headWidth}px`);
    style.setProperty("--mdb-shift", `${this.lefts[first] - this.x - this.pinWidth}px`);
    style.setProperty("--mdb-columns", template(this.widths.slice(Math.max(first, pins), end)));
    style.setProperty("--mdb-pinned", template(this.widths.slice(0, pins)));
    this.element.classList.toggle("mdb-has-pins", pins > 0);
    this.barX.element.style.left = `${this.headWidth}px`;
    this.header.paint(first, end);
  }

  // ------------------------------------------------------------------ selection

  /** @param {number} row @param {number} column */
  inRange(row, column) {
    const { active, corner } = this;
    if (!this.hasActive || active.row < 0) return false;
    if (active.row === corner.row && active.column === corner.column) return false;
    const between = (/** @type {number} */ n, /** @type {number} */ a, /** @type {number} */ b) => (a <= b ? a <= n && n <= b : b <= n && n <= a);
    return between(row, active.row, corner.row) && between(column, active.column, corner.column);
  }

  /** @param {Interval[]} rows */
  select(rows) {
    const changed = JSON.stringify(rows) !== JSON.stringify(this.selected);
    this.selected = rows;
    if (changed) {
      if (rows.length) this.foot.sentence = undefined;
      this.events.onselect?.(rows);
    }
    this.ask();
  }

  /** @param {number} row @param {{shiftKey: boolean, ctrlKey: boolean, metaKey: boolean}} keys @param {boolean} onTick */
  pickRow(row, keys, onTick) {
    const toggle = onTick || keys.ctrlKey || keys.metaKey;
    if (keys.shiftKey) this.select(addRows(toggle ? this.selected : [], this.pivot, row));
    else if (!toggle) this.select([[row, row]]);
    else this.select(hasRow(this.selected, row) ? removeRows(this.selected, row, row) : addRows(this.selected, row, row));
    if (!keys.shiftKey) this.pivot = row;
  }

  selectAll() {
    const all = countRows(this.selected) >= this.length;
    this.select(all || !this.length ? [] : [[0, this.length - 1]]);
  }

  /** @param {number} row @param {number} column @param {boolean} extend */
  moveTo(row, column, extend) {
    const top = extend ? 0 : -1;
    this.active = { row: Math.max(top, Math.min(row, this.length - 1)), column: Math.max(0, Math.min(column, this.columns.length - 1)) };
    this.hasActive = true;
    if (!extend) this.corner = this.active;
    this.reveal();
  }

  reveal() {
    const { row, column } = this.active;
    const left = this.lefts[column];
    const right = this.lefts[column + 1];
    let { x, y } = this;
    if (row >= 0 && row * ROW < y) y = row * ROW;
    else if ((row + 1) * ROW > y + this.height) y = (row + 1) * ROW - this.height;
    if (column < this.pins) return this.scrollTo(x, y);
    const room = this.roomX - this.pinWidth;
    if (left < x + this.pinWidth || right - left > room) x = left - this.pinWidth;
    else if (right > x + this.roomX) x = right - this.roomX;
    return this.scrollTo(x, y);
  }

  /** Show a row at the top of the view. @param {number} row */
  jump(row) {
    this.active = this.corner = { row, column: this.active.column };
    this.hasActive = true;
    this.scrollTo(this.x, row * ROW);
  }

  // ------------------------------------------------------------------ sort

  /** @param {number} column @param {boolean} keepOthers */
  sortBy(column, keepOthers) {
    if (!this.columns[column].sortable) {
      this.say(`${this.columns[column].name} can’t be sorted: ${this.columns[column].type} has no order`);
      return;
    }
    this.order.sort(nextSort(this.sort, this.columns[column].name, keepOthers));
  }
}
