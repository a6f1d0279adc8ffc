/** The grid: real DOM cells for the rows in view, placed by row number, for any number of rows. */

import {
  Channel, KernelError, addRows, aliasChip, countRows, errorText, group, guardShortcuts, h, hasRow, icon,
  noticeBox, parseRow, plainValue, plural, removeRows, showValue, tint, toTsv, uniqueId,
} from "./core.js";
import { Store } from "./store.js";
import { ScrollBar } from "./scrollbar.js";
import { MIN_WIDTH, columnWindow, edges, fitWidth, headerCell, isNumeric, nextSort } from "./columns.js";

/** @typedef {import("./core.js").Interval} Interval */
/** @typedef {import("./columns.js").Column} Column */
/** @typedef {import("./columns.js").SortKey} SortKey */
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
 * @property {Interval[]} [selection]
 */
/** @typedef {{element: HTMLElement, head: HTMLElement, number: HTMLElement, cells: HTMLElement, items: HTMLElement[], texts: string[], looks: string[], marks: string[], row: number, look: string}} RowView */

const ROW = 26;
const COPY_ROWS = 5000;
const GESTURE = 250;

export class Grid {
  /**
   * @param {Channel} channel
   * @param {{onselect?: (rows: Interval[]) => void, onsize?: (text: string) => void}} [events]
   */
  constructor(channel, events = {}) {
    this.channel = channel;
    this.events = events;
    this.id = uniqueId("grid");
    /** @type {Column[]} */
    this.columns = [];
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
    this.counted = this.fitted = this.frameAsked = false;
    this.font = "13px sans-serif";
    this.title = this.size = "";
    /** @type {{text: string, tone: string} | undefined} */
    this.sentence = undefined;
    /** @type {RowView[]} */
    this.rows = [];
    this.shownWindow = "";
    this.pageGesture = -Infinity;
    this.store = new Store((body) => channel.request("win", body), {
      onrows: () => this.rowsCame(),
      onerror: (error, block) => this.failed(error, block),
    });
    this.tickAll = h("span", { class: "mdb-tick", title: "Select all rows" });
    this.headCorner = h("div", { class: "mdb-rowhead mdb-corner", role: "columnheader", "aria-colindex": 1, "aria-label": "Row number" }, this.tickAll, h("span", { class: "mdb-number" }, "#"));
    this.headCells = h("div", { class: "mdb-cells", role: "presentation" });
    const headRow = h("div", { class: "mdb-row mdb-headrow", role: "row", "aria-rowindex": 1 }, this.headCorner, this.headCells);
    this.head = h("div", { class: "mdb-head", role: "rowgroup" }, headRow);
    this.pool = h("div", { class: "mdb-pool", role: "presentation" });
    this.body = h("div", { class: "mdb-body", role: "rowgroup" }, this.pool);
    this.view = h("div", { class: "mdb-view", role: "grid", tabindex: 0, "aria-multiselectable": "true", "aria-label": "Table" }, this.head, this.body);
    this.barY = new ScrollBar("y", (y) => this.scrollTo(this.x, y), () => group(Math.floor(this.y / ROW) + 1));
    this.barX = new ScrollBar("x", (x) => this.scrollTo(x, this.y));
    this.notice = h("div", { class: "mdb-notices" });
    this.banner = h("div", { class: "mdb-banner", role: "alert", hidden: true });
    const frame = h("div", { class: "mdb-frame" }, this.view, this.barY.element, this.barX.element, this.notice);
    this.message = h("span", { class: "mdb-status", role: "status" });
    this.place = h("span", { class: "mdb-place" });
    this.goto = h("input", { class: "mdb-input mdb-goto", type: "text", inputmode: "numeric", placeholder: "Go to row", "aria-label": "Go to row", title: "A row number, or 50%" });
    const foot = h("div", { class: "mdb-foot" }, this.message, this.place, this.goto);
    this.element = h("div", { class: "mdb-grid" }, this.banner, frame, foot);
    this.outside = (/** @type {WheelEvent} */ event) => this.wheelOutside(event);
    this.observer = new ResizeObserver(([entry]) => this.resized(entry.contentRect.width, entry.contentRect.height));
    this.lateWatch = () => this.ask();
    this.listen();
  }

  listen() {
    const { view, body, head, goto } = this;
    view.addEventListener("keydown", (event) => this.key(event));
    view.addEventListener("copy", (event) => this.copy(event));
    view.addEventListener("focus", () => this.focused());
    view.addEventListener("blur", () => this.ask());
    view.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    body.addEventListener("pointerdown", (event) => this.press(event));
    head.addEventListener("pointerdown", (event) => this.pressHead(event));
    head.addEventListener("click", (event) => this.clickHead(event));
    head.addEventListener("dblclick", (event) => this.fitClicked(event));
    goto.addEventListener("keydown", (event) => this.gotoKey(event));
    document.addEventListener("wheel", this.outside, { passive: true, capture: true });
    this.observer.observe(body);
    this.channel.watchers.add(this.lateWatch);
  }

  dispose() {
    this.observer.disconnect();
    document.removeEventListener("wheel", this.outside, { capture: true });
    this.channel.watchers.delete(this.lateWatch);
  }

  // ------------------------------------------------------------------ what is shown

  /** Show another table. @param {Opening} opening */
  open(opening) {
    const same = JSON.stringify(opening.columns) === JSON.stringify(this.columns);
    this.columns = opening.columns;
    this.title = opening.title;
    this.x = this.y = 0;
    this.hasActive = false;
    this.active = { row: 0, column: 0 };
    this.corner = { row: 0, column: 0 };
    this.sort = opening.sort ?? [];
    this.defaultSort = opening.default_sort ?? [];
    this.say("");
    if (!same) {
      this.fitted = false;
      this.setWidths(this.columns.map((column) => fitWidth(column, [], this.font)));
    }
    this.view.setAttribute("aria-label", opening.title);
    this.view.setAttribute("aria-colcount", String(this.columns.length + 1));
    this.renew(opening);
    this.select(opening.selection ?? []);
  }

  /** The same table with other rows: after a sort, a write, or on request. @param {{epoch: number, row_count: number | null, row_estimate: number | null, sort?: SortKey[]}} state */
  renew(state) {
    this.sort = state.sort ?? this.sort;
    const exact = state.row_count !== null;
    this.store.reset({ epoch: state.epoch, rowCount: exact ? state.row_count : state.row_estimate, exact });
    this.counted = exact;
    this.notice.replaceChildren();
    this.banner.hidden = true;
    this.shownWindow = "";
    this.select([]);
    this.clamp();
    this.look();
    this.ask();
  }

  /** Nothing but a notice. @param {Parameters<typeof noticeBox>[0] | null} notice */
  showNotice(notice) {
    this.notice.replaceChildren(...(notice ? [noticeBox(notice)] : []));
  }

  /** A sentence in the footer. @param {string} text @param {"" | "good" | "bad"} [tone] */
  say(text, tone = "") {
    this.sentence = { text, tone };
    this.ask();
  }

  rowsCame() {
    if (!this.fitted) this.fitAll();
    this.clamp();
    this.ask();
    if (!this.counted) this.count();
  }

  /** The exact number of rows, asked for once the first rows are on screen. */
  async count() {
    this.counted = true;
    const { epoch } = this.store;
    try {
      const { message } = await this.channel.request("count", { epoch }, { background: true });
      if (epoch !== this.store.epoch || typeof message.row_count !== "number") return;
      this.store.rowCount = message.row_count;
      this.store.exact = true;
      this.clamp();
      this.look();
      this.ask();
    } catch (error) {
      if (epoch === this.store.epoch) this.say(`The rows could not be counted: ${errorText(error)}`, "bad");
    }
  }

  /** @param {Error} error @param {number} block */
  failed(error, block) {
    if (error instanceof KernelError && error.stale) {
      this.resync();
      return;
    }
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

  /** Another view of this panel, or Python, went on without us: start from where the kernel is. */
  async resync() {
    const { message } = await this.channel.request("columns");
    if (JSON.stringify(message.columns) === JSON.stringify(this.columns)) this.renew(message);
    else this.open(message);
  }

  // ------------------------------------------------------------------ geometry

  get length() {
    return this.store.length;
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
    this.shownWindow = "";
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
      const { tag, values } = block.columns[column];
      texts.push(...values.slice(0, 100).map((value) => showValue(tag, value).text));
    }
    return fitWidth(this.columns[column], texts, this.font);
  }

  fitAll() {
    this.fitted = true;
    this.setWidths(this.columns.map((_, column) => this.fit(column)));
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
    const [first, end] = columnWindow(this.lefts, this.x, this.roomX);
    this.paintFrame(first, end);
    this.paintRows(first, end);
    this.paintFoot();
    const { view, active, length } = this;
    view.setAttribute("aria-rowcount", String(this.store.exact ? length + 1 : -1));
    const seen = this.hasActive && (active.row < 0 || (active.row >= this.firstRow && active.row <= this.lastRow));
    if (seen) view.setAttribute("aria-activedescendant", `${this.id}-active`);
    else view.removeAttribute("aria-activedescendant");
    this.barY.place(this.height, this.height, length * ROW, this.y);
    this.barX.place(this.roomX, this.roomX, this.total, this.x);
  }

  /** @param {number} first @param {number} end */
  paintFrame(first, end) {
    const { style } = this.view;
    style.setProperty("--mdb-head-width", `${this.headWidth}px`);
    style.setProperty("--mdb-shift", `${this.lefts[first] - this.x}px`);
    this.barX.element.style.left = `${this.headWidth}px`;
    const sort = this.sort.length ? this.sort : this.defaultSort;
    const window_ = `${first}-${end}-${this.widths.slice(first, end).join()}-${JSON.stringify(sort)}`;
    if (window_ !== this.shownWindow) {
      this.shownWindow = window_;
      style.setProperty("--mdb-columns", this.widths.slice(first, end).map((width) => `${width}px`).join(" "));
      this.headCells.replaceChildren(...this.columns.slice(first, end).map((column) => headerCell(column, sort)));
    }
    [...this.headCells.children].forEach((cell, at) => {
      const column = first + at;
      const active = this.hasActive && this.active.row < 0 && this.active.column === column;
      cell.setAttribute("aria-colindex", String(column + 2));
      cell.classList.toggle("mdb-active", active);
      if (active) cell.id = `${this.id}-active`;
      else cell.removeAttribute("id");
    });
    const chosen = countRows(this.selected);
    const state = chosen === 0 ? "" : chosen >= this.length ? " mdb-on" : " mdb-some";
    this.tickAll.className = `mdb-tick${state}`;
  }

  /** @param {number} first @param {number} end */
  paintRows(first, end) {
    const top = this.firstRow;
    const need = this.height ? Math.min(Math.ceil(this.height / ROW) + 1, this.length - top) : 0;
    while (this.rows.length < need) this.rows.push(this.newRow());
    this.rotate(top);
    this.rows.forEach((view, at) => {
      view.element.hidden = at >= need;
      if (at < need) this.paintRow(view, top + at, first, end);
    });
    this.pool.style.transform = `translateY(${-(this.y - top * ROW)}px)`;
    const bare = this.store.exact && this.length === 0 && this.columns.length > 0;
    if (bare && !this.notice.hasChildNodes()) this.showNotice({ look: "empty", title: "No rows", text: `${this.title || "This table"} is empty.` });
  }

  /** @returns {RowView} */
  newRow() {
    const number = h("span", { class: "mdb-number" });
    const head = h("div", { class: "mdb-rowhead", role: "rowheader", "aria-colindex": 1 }, h("span", { class: "mdb-tick" }), number);
    const cells = h("div", { class: "mdb-cells", role: "presentation" });
    const element = h("div", { class: "mdb-row", role: "row" }, head, cells);
    this.pool.append(element);
    return { element, head, number, cells, items: [], texts: [], looks: [], marks: [], row: -1, look: "" };
  }

  /** Move rows that left the view to the other end, so that the DOM order stays the reading order. @param {number} top */
  rotate(top) {
    const count = this.rows.length;
    const step = count ? top - this.rows[0].row : 0;
    if (step === 0 || Math.abs(step) >= count || this.rows[0].row < 0) return;
    if (step > 0) {
      const moved = this.rows.splice(0, step);
      this.rows.push(...moved);
      this.pool.append(...moved.map((view) => view.element));
    } else {
      const moved = this.rows.splice(count + step);
      this.rows.unshift(...moved);
      this.pool.prepend(...moved.map((view) => view.element));
    }
  }

  /** @param {RowView} view @param {number} row @param {number} first @param {number} end */
  paintRow(view, row, first, end) {
    const chosen = hasRow(this.selected, row);
    const here = Boolean(this.store.blockOf(row));
    const look = `mdb-row${row % 2 ? " mdb-odd" : ""}${chosen ? " mdb-chosen" : ""}${here ? "" : " mdb-waiting"}`;
    if (view.look !== look) {
      view.element.className = view.look = look;
      view.element.setAttribute("aria-selected", String(chosen));
    }
    if (view.row !== row) {
      view.row = row;
      view.element.setAttribute("aria-rowindex", String(row + 2));
      view.number.textContent = group(row + 1);
    }
    this.fitCells(view, end - first);
    for (let column = first; column < end; column += 1) this.paintCell(view, row, column, column - first);
  }

  /** @param {RowView} view @param {number} count */
  fitCells(view, count) {
    while (view.items.length < count) {
      const item = h("div", { role: "gridcell" });
      view.cells.append(item);
      view.items.push(item);
      view.texts.push("");
      view.looks.push("");
      view.marks.push("");
    }
    while (view.items.length > count) {
      view.items.pop()?.remove();
      view.texts.pop();
      view.looks.pop();
      view.marks.pop();
    }
  }

  /** Write only what changed: the grid is repainted with every scrolled pixel. @param {RowView} view @param {number} row @param {number} column @param {number} at */
  paintCell(view, row, column, at) {
    const item = view.items[at];
    const cell = this.store.cell(row, column);
    const shown = cell ? showValue(cell.tag, cell.value) : { text: "", look: "wait", mark: "" };
    const active = this.hasActive && this.active.row === row && this.active.column === column;
    const look = `mdb-cell${isNumeric(this.columns[column].kind) ? " mdb-num" : ""}${shown.look ? ` mdb-${shown.look}` : ""}${this.inRange(row, column) ? " mdb-range" : ""}${active ? " mdb-active" : ""}`;
    if (view.texts[at] !== shown.text) item.textContent = view.texts[at] = shown.text;
    if (view.marks[at] !== shown.mark) {
      view.marks[at] = shown.mark;
      if (shown.mark) item.dataset.mark = shown.mark;
      else delete item.dataset.mark;
    }
    if (view.looks[at] !== look) {
      item.className = view.looks[at] = look;
      if (active) item.id = `${this.id}-active`;
      else item.removeAttribute("id");
    }
    const index = String(column + 2);
    if (item.getAttribute("aria-colindex") !== index) item.setAttribute("aria-colindex", index);
  }

  paintFoot() {
    const { length, store } = this;
    const chosen = countRows(this.selected);
    const { text, tone } = this.channel.late
      ? { text: "Waiting for the kernel: it may be running another cell", tone: "late" }
      : this.sentence?.text ? this.sentence : { text: chosen ? `${plural(chosen, "row")} selected` : "", tone: "" };
    if (this.message.textContent !== text) {
      this.message.replaceChildren(...(tone === "good" ? [icon("check")] : tone === "bad" ? [icon("warning")] : tone === "late" ? [h("span", { class: "mdb-spinner" })] : []), text);
      this.message.title = text;
    }
    this.message.dataset.tone = tone;
    const some = this.columns.length > 0 && length > 0;
    const known = some && (store.exact || store.rowCount !== null);
    const total = known ? ` of ${store.exact ? "" : "≈ "}${group(length)}` : some ? " of …" : "";
    const size = store.exact ? plural(length, "row") : known ? `≈ ${plural(length, "row")}` : "";
    if (size !== this.size) this.events.onsize?.(size);
    this.size = size;
    this.place.textContent = some ? `rows ${group(this.firstRow + 1)} – ${group(this.lastRow + 1)}${total}` : store.exact && this.columns.length ? "0 rows" : "";
    this.goto.hidden = !some;
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
      if (rows.length) this.sentence = undefined;
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
    if (left < x || right - left > this.roomX) x = left;
    else if (right > x + this.roomX) x = right - this.roomX;
    this.scrollTo(x, y);
  }

  /** Show a row at the top of the view. @param {number} row */
  jump(row) {
    this.active = this.corner = { row, column: this.active.column };
    this.hasActive = true;
    this.scrollTo(this.x, row * ROW);
  }

  // ------------------------------------------------------------------ pointer and wheel

  /** @param {PointerEvent} event @returns {{row: number, column: number, inHead: boolean}} */
  cellAt(event) {
    const box = this.body.getBoundingClientRect();
    const inX = event.clientX - box.left - this.headWidth;
    const row = Math.floor((this.y + event.clientY - box.top) / ROW);
    const wanted = this.x + Math.max(0, Math.min(inX, this.roomX - 1));
    return { row: Math.max(0, Math.min(row, this.length - 1)), column: columnWindow(this.lefts, wanted, 1)[0], inHead: inX < 0 };
  }

  /** @param {PointerEvent} event */
  press(event) {
    if (event.button !== 0 || !this.length) return;
    if (event.pointerType === "touch") return this.pan(event);
    const { row, column, inHead } = this.cellAt(event);
    if (inHead) {
      this.pickRow(row, event, event.target instanceof Element && event.target.classList.contains("mdb-tick"));
      this.active = this.corner = { row, column: this.active.column };
      this.hasActive = true;
      return undefined;
    }
    this.moveTo(row, column, event.shiftKey && this.hasActive && this.active.row >= 0);
    this.follow(event, (move) => {
      const at = this.cellAt(move);
      const box = this.body.getBoundingClientRect();
      const step = move.clientY < box.top ? -1 : move.clientY > box.bottom ? 1 : 0;
      this.moveTo(step ? this.active.row + step : at.row, at.column, true);
    });
    return undefined;
  }

  /** A finger moves the rows; a tap chooses the cell. @param {PointerEvent} event */
  pan(event) {
    let { clientX, clientY } = event;
    let moved = 0;
    this.follow(event, (move) => {
      moved += Math.abs(move.clientX - clientX) + Math.abs(move.clientY - clientY);
      this.scrollTo(this.x + clientX - move.clientX, this.y + clientY - move.clientY);
      ({ clientX, clientY } = move);
    }, () => {
      const { row, column, inHead } = this.cellAt(event);
      if (moved > 8) return;
      if (inHead) this.pickRow(row, event, true);
      else this.moveTo(row, column, false);
    });
  }

  /**
   * Follow a pressed pointer until it is let go.
   * @param {PointerEvent} event
   * @param {(event: PointerEvent) => void} onmove
   * @param {() => void} [onend]
   */
  follow(event, onmove, onend) {
    const stop = new AbortController();
    const { signal } = stop;
    const end = () => {
      stop.abort();
      onend?.();
    };
    window.addEventListener("pointermove", (move) => move.pointerId === event.pointerId && onmove(move), { signal });
    window.addEventListener("pointerup", end, { signal });
    window.addEventListener("pointercancel", () => stop.abort(), { signal });
  }

  /** @param {Event} event @returns {number} -1 outside of the column headers */
  columnOf(event) {
    const cell = event.target instanceof Element ? event.target.closest(".mdb-th") : null;
    return cell ? Number(cell.getAttribute("aria-colindex")) - 2 : -1;
  }

  /** @param {PointerEvent} event */
  pressHead(event) {
    const column = this.columnOf(event);
    if (event.button !== 0 || column < 0 || !(event.target instanceof Element) || !event.target.classList.contains("mdb-grip")) return;
    event.preventDefault();
    const start = event.clientX;
    const width = this.widths[column];
    this.element.classList.add("mdb-resizing");
    this.resizedAt = performance.now();
    this.follow(event, (move) => this.setWidth(column, width + move.clientX - start), () => this.element.classList.remove("mdb-resizing"));
  }

  /** @param {MouseEvent} event */
  clickHead(event) {
    const { target } = event;
    if (!(target instanceof Element) || target.classList.contains("mdb-grip")) return;
    if (target.closest(".mdb-corner")) this.selectAll();
    else if (this.columnOf(event) >= 0) this.sortBy(this.columnOf(event), event.shiftKey);
  }

  /** @param {MouseEvent} event */
  fitClicked(event) {
    const column = this.columnOf(event);
    if (column >= 0 && event.target instanceof Element && event.target.classList.contains("mdb-grip")) this.setWidth(column, this.fit(column));
  }

  /** A wheel turn that began on the page goes on with the page. @param {WheelEvent} event */
  wheelOutside(event) {
    if (!(event.target instanceof Node) || !this.view.contains(event.target)) this.pageGesture = event.timeStamp;
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    if (event.ctrlKey || event.metaKey) return;
    const focused = this.view === this.view.ownerDocument.activeElement;
    if (!focused && event.timeStamp - this.pageGesture < GESTURE) {
      this.pageGesture = event.timeStamp;
      return;
    }
    const unit = event.deltaMode === 1 ? ROW : event.deltaMode === 2 ? this.height : 1;
    const sideways = event.shiftKey && !event.deltaX;
    const dx = (sideways ? event.deltaY : event.deltaX) * unit;
    const dy = (sideways ? 0 : event.deltaY) * unit;
    const { x, y } = this;
    this.scrollTo(x + dx, y + dy);
    if (this.x !== x || this.y !== y) event.preventDefault();
  }

  // ------------------------------------------------------------------ keyboard

  focused() {
    if (!this.hasActive && this.length) {
      this.hasActive = true;
      this.active = this.corner = { row: this.firstRow, column: 0 };
    }
    this.ask();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.altKey && this.active.row < 0) return this.keyResize(event);
    if (event.altKey || !this.columns.length) return undefined;
    const handled = event.ctrlKey || event.metaKey ? this.controlKey(event) : this.plainKey(event);
    if (!handled) return undefined;
    event.preventDefault();
    event.stopPropagation();
    return undefined;
  }

  /** @param {KeyboardEvent} event */
  keyResize(event) {
    const step = { ArrowLeft: -12, ArrowRight: 12 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.setWidth(this.active.column, this.widths[this.active.column] + step);
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  controlKey(event) {
    const { row, column } = this.active;
    const last = this.length - 1;
    const jumps = /** @type {Record<string, [number, number]>} */ ({
      Home: [0, 0], End: [last, this.columns.length - 1], ArrowUp: [0, column], ArrowDown: [last, column],
      ArrowLeft: [row, 0], ArrowRight: [row, this.columns.length - 1],
    });
    const target = jumps[event.key];
    if (target) this.moveTo(target[0], target[1], event.shiftKey);
    else if (event.key.toLowerCase() === "a") this.selectAll();
    else if (event.key === " ") this.pickRow(this.active.row, event, true);
    return Boolean(target) || event.key.toLowerCase() === "a" || event.key === " ";
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  plainKey(event) {
    const { row, column } = this.active;
    const page = Math.max(1, Math.floor(this.height / ROW) - 1);
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      PageUp: [Math.max(0, row - page), column], PageDown: [row + page, column], Home: [row, 0], End: [row, this.columns.length - 1],
    });
    const target = steps[event.key];
    if (target) this.moveTo(target[0], target[1], event.shiftKey && row >= 0);
    else if (event.key === "Escape") this.escape();
    else if (row < 0 && (event.key === "Enter" || event.key === " ")) this.sortBy(column, event.shiftKey);
    else if (event.key === " ") this.pickRow(row, event, true);
    else return false;
    return true;
  }

  escape() {
    const ranged = this.corner.row !== this.active.row || this.corner.column !== this.active.column;
    this.corner = this.active;
    if (!ranged) this.select([]);
    this.ask();
  }

  /** @param {KeyboardEvent} event */
  gotoKey(event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const row = parseRow(this.goto.value, this.length);
    this.goto.classList.toggle("mdb-bad", row === null);
    if (row !== null) this.jump(row);
  }

  // ------------------------------------------------------------------ sort and copy

  /** The epoch grows here and travels with the request, so that the first page need not wait for the answer. @param {number} column @param {boolean} keepOthers */
  sortBy(column, keepOthers) {
    if (!this.columns[column].sortable) {
      this.say(`${this.columns[column].name} can’t be sorted: ${this.columns[column].type} has no order`);
      return;
    }
    this.sort = nextSort(this.sort, this.columns[column].name, keepOthers);
    this.y = 0;
    this.corner = this.active;
    const epoch = this.store.epoch + 1;
    const { exact, rowCount } = this.store;
    this.channel.request("sort", { epoch, keys: this.sort }).catch((error) => this.say(errorText(error), "bad"));
    this.renew({ epoch, row_count: exact ? rowCount : null, row_estimate: rowCount });
  }

  /** @param {ClipboardEvent} event */
  copy(event) {
    if (!this.hasActive || this.active.row < 0) return;
    event.preventDefault();
    const [top, bottom] = [this.active.row, this.corner.row].sort((a, b) => a - b);
    if (bottom - top >= COPY_ROWS) {
      this.say(`${plural(bottom - top + 1, "row")} are too many to copy (at most ${group(COPY_ROWS)}): use .to_pandas()`, "bad");
      return;
    }
    let whole = true;
    for (let row = top; row <= bottom; row += 1) whole = whole && Boolean(this.store.blockOf(row));
    if (whole) event.clipboardData?.setData("text/plain", this.copyText(top, bottom));
    else this.copyLater(top, bottom);
  }

  /** @param {number} top @param {number} bottom */
  async copyLater(top, bottom) {
    try {
      await this.store.gather(top, bottom);
      await navigator.clipboard.writeText(this.copyText(top, bottom));
    } catch (error) {
      this.say(`Nothing was copied: ${errorText(error)}`, "bad");
    }
  }

  /** @param {number} top @param {number} bottom */
  copyText(top, bottom) {
    const [left, right] = [this.active.column, this.corner.column].sort((a, b) => a - b);
    let cut = 0;
    const rows = [];
    for (let row = top; row <= bottom; row += 1) {
      const line = [];
      for (let column = left; column <= right; column += 1) {
        const cell = this.store.cell(row, column);
        if (cell && typeof cell.value === "object" && cell.value !== null) cut += 1;
        line.push(cell ? plainValue(cell.tag, cell.value) : "");
      }
      rows.push(line);
    }
    const size = `${group(rows.length)} × ${right - left + 1}`;
    this.say(`Copied ${rows.length * (right - left + 1) === 1 ? "1 cell" : `${size} cells`}${cut ? `; ${plural(cut, "long value")} only as far as shown` : ""}`, cut ? "bad" : "good");
    return toTsv(rows);
  }
}

/**
 * The panel `TableGrid`: a title over one grid.
 * @param {{model: import("./core.js").Model, el: HTMLElement}} context
 */
function renderTableGrid({ model, el }) {
  const channel = new Channel(model);
  const size = h("span", { class: "mdb-count" });
  const grid = new Grid(channel, {
    onsize: (text) => (size.textContent = text),
    onselect: (rows) => channel.request("select", { epoch: grid.store.epoch, rows }).catch((error) => grid.say(errorText(error), "bad")),
  });
  const head = h("div", { class: "mdb-title" }, aliasChip(model.get("alias")), h("span", { class: "mdb-name" }, model.get("title")), size);
  const root = h("div", { class: "mdb mdb-panel mdb-table" }, head, grid.element);
  root.style.height = model.get("height");
  tint(root, model.get("alias"));
  guardShortcuts(root);
  const state = () => ({
    columns: model.get("columns"), epoch: model.get("epoch"), row_count: model.get("row_count"),
    row_estimate: model.get("row_estimate"), title: model.get("title"), sort: model.get("sort"), default_sort: model.get("default_sort"), selection: model.get("selection"),
  });
  const renewed = () => {
    if (model.get("epoch") > grid.store.epoch) grid.renew(state());
  };
  model.on("change:epoch", renewed);
  el.append(root);
  grid.open(state());
  return () => {
    model.off("change:epoch", renewed);
    grid.dispose();
    channel.dispose();
  };
}

export default { render: renderTableGrid };
