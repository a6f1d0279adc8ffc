/** What hands do to a grid: pointer, wheel and keyboard. */

import { parseRow } from "./core.js";
import { columnWindow } from "./columns.js";

export const ROW = 26;
const GESTURE = 250;

export class GridInput {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    this.pageGesture = -Infinity;
    this.outside = (/** @type {WheelEvent} */ event) => this.wheelOutside(event);
    const { view, body, head } = grid;
    const { goto } = grid.foot;
    view.addEventListener("keydown", (event) => this.key(event));
    view.addEventListener("focus", () => this.focused());
    view.addEventListener("blur", () => grid.ask());
    view.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    body.addEventListener("pointerdown", (event) => this.press(event));
    head.addEventListener("pointerdown", (event) => this.pressHead(event));
    head.addEventListener("click", (event) => this.clickHead(event));
    head.addEventListener("dblclick", (event) => this.fitClicked(event));
    goto.addEventListener("keydown", (event) => this.gotoKey(event));
    document.addEventListener("wheel", this.outside, { passive: true, capture: true });
  }

  dispose() {
    document.removeEventListener("wheel", this.outside, { capture: true });
  }

  // ------------------------------------------------------------------ pointer and wheel

  /** @param {MouseEvent} event @returns {{row: number, column: number, inHead: boolean}} */
  cellAt(event) {
    const { grid } = this;
    const box = grid.body.getBoundingClientRect();
    const inX = event.clientX - box.left - grid.headWidth;
    const row = Math.floor((grid.y + event.clientY - box.top) / ROW);
    const inView = Math.max(0, Math.min(inX, grid.roomX - 1));
    const wanted = inView < grid.pinWidth ? inView : grid.x + inView;
    return { row: Math.max(0, Math.min(row, grid.length - 1)), column: columnWindow(grid.lefts, wanted, 1)[0], inHead: inX < 0 };
  }

  /** @param {PointerEvent} event */
  press(event) {
    const { grid } = this;
    if (event.button !== 0 || !grid.length) return;
    if (event.pointerType === "touch") return this.pan(event);
    const { row, column, inHead } = this.cellAt(event);
    if (inHead) {
      grid.pickRow(row, event, event.target instanceof Element && event.target.classList.contains("mdb-tick"));
      grid.active = grid.corner = { row, column: grid.active.column };
      grid.hasActive = true;
      return undefined;
    }
    grid.moveTo(row, column, event.shiftKey && grid.hasActive && grid.active.row >= 0);
    this.follow(event, (move) => {
      const at = this.cellAt(move);
      const box = grid.body.getBoundingClientRect();
      const step = move.clientY < box.top ? -1 : move.clientY > box.bottom ? 1 : 0;
      grid.moveTo(step ? grid.active.row + step : at.row, at.column, true);
    });
    return undefined;
  }

  /** A finger moves the rows; a tap chooses the cell. @param {PointerEvent} event */
  pan(event) {
    const { grid } = this;
    let { clientX, clientY } = event;
    let moved = 0;
    this.follow(event, (move) => {
      moved += Math.abs(move.clientX - clientX) + Math.abs(move.clientY - clientY);
      grid.scrollTo(grid.x + clientX - move.clientX, grid.y + clientY - move.clientY);
      ({ clientX, clientY } = move);
    }, () => {
      const { row, column, inHead } = this.cellAt(event);
      if (moved > 8) return;
      if (inHead) grid.pickRow(row, event, true);
      else grid.moveTo(row, column, false);
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
    const { grid } = this;
    const column = this.columnOf(event);
    if (event.button !== 0 || column < 0 || !(event.target instanceof Element) || !event.target.classList.contains("mdb-grip")) return;
    event.preventDefault();
    const start = event.clientX;
    const width = grid.widths[column];
    grid.element.classList.add("mdb-resizing");
    this.follow(event, (move) => grid.setWidth(column, width + move.clientX - start), () => grid.element.classList.remove("mdb-resizing"));
  }

  /** @param {MouseEvent} event */
  clickHead(event) {
    const { grid } = this;
    const { target } = event;
    if (!(target instanceof Element) || target.classList.contains("mdb-grip")) return;
    if (target.closest(".mdb-corner")) grid.selectAll();
    else if (this.columnOf(event) >= 0) grid.sortBy(this.columnOf(event), event.shiftKey);
  }

  /** @param {MouseEvent} event */
  fitClicked(event) {
    const { grid } = this;
    const column = this.columnOf(event);
    if (column >= 0 && event.target instanceof Element && event.target.classList.contains("mdb-grip")) grid.setWidth(column, grid.fit(column));
  }

  /** A wheel turn that began on the page goes on with the page. @param {WheelEvent} event */
  wheelOutside(event) {
    const { grid } = this;
    if (!(event.target instanceof Node) || !grid.view.contains(event.target)) this.pageGesture = event.timeStamp;
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    const { grid } = this;
    if (event.ctrlKey || event.metaKey) return;
    const focused = grid.view === grid.view.ownerDocument.activeElement;
    if (!focused && event.timeStamp - this.pageGesture < GESTURE) {
      this.pageGesture = event.timeStamp;
      return;
    }
    const unit = event.deltaMode === 1 ? ROW : event.deltaMode === 2 ? grid.height : 1;
    const sideways = event.shiftKey && !event.deltaX;
    const dx = (sideways ? event.deltaY : event.deltaX) * unit;
    const dy = (sideways ? 0 : event.deltaY) * unit;
    const { x, y } = grid;
    grid.scrollTo(x + dx, y + dy);
    if (grid.x !== x || grid.y !== y) event.preventDefault();
  }

  // ------------------------------------------------------------------ keyboard

  focused() {
    const { grid } = this;
    if (!grid.hasActive && grid.length) {
      grid.hasActive = true;
      grid.active = grid.corner = { row: grid.firstRow, column: 0 };
    }
    grid.ask();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { grid } = this;
    // What is typed into the row of filters is none of the grid's business.
    if (!grid.columns.length || event.target !== grid.view) return;
    const handled = grid.menu.key(event) || grid.parts.some((part) => part.key?.(event)) || this.ownKey(event);
    if (!handled) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  ownKey(event) {
    if (event.altKey) return this.grid.active.row < 0 && this.keyResize(event);
    return event.ctrlKey || event.metaKey ? this.controlKey(event) : this.plainKey(event);
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  keyResize(event) {
    const { grid } = this;
    const step = { ArrowLeft: -12, ArrowRight: 12 }[event.key];
    if (step) grid.setWidth(grid.active.column, grid.widths[grid.active.column] + step);
    return Boolean(step);
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  controlKey(event) {
    const { grid } = this;
    const { row, column } = grid.active;
    const last = grid.length - 1;
    const jumps = /** @type {Record<string, [number, number]>} */ ({
      Home: [0, 0], End: [last, grid.columns.length - 1], ArrowUp: [0, column], ArrowDown: [last, column],
      ArrowLeft: [row, 0], ArrowRight: [row, grid.columns.length - 1],
    });
    const target = jumps[event.key];
    if (target) grid.moveTo(target[0], target[1], event.shiftKey);
    else if (event.key.toLowerCase() === "a") grid.selectAll();
    else if (event.key === " ") grid.pickRow(grid.active.row, event, true);
    return Boolean(target) || event.key.toLowerCase() === "a" || event.key === " ";
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  plainKey(event) {
    const { grid } = this;
    const { row, column } = grid.active;
    const page = Math.max(1, Math.floor(grid.height / ROW) - 1);
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      PageUp: [Math.max(0, row - page), column], PageDown: [row + page, column], Home: [row, 0], End: [row, grid.columns.length - 1],
    });
    const target = steps[event.key];
    if (target) grid.moveTo(target[0], target[1], event.shiftKey && row >= 0);
    else if (event.key === "Escape") this.escape();
    else if (row < 0 && (event.key === "Enter" || event.key === " ")) grid.sortBy(column, event.shiftKey);
    else if (event.key === " ") grid.pickRow(row, event, true);
    else return false;
    return true;
  }

  escape() {
    const { grid } = this;
    const ranged = grid.corner.row !== grid.active.row || grid.corner.column !== grid.active.column;
    grid.corner = grid.active;
    if (!ranged) grid.select([]);
    grid.ask();
  }

  /** @param {KeyboardEvent} event */
  gotoKey(event) {
    const { grid } = this;
    if (event.key !== "Enter") return;
    event.preventDefault();
    const { goto } = grid.foot;
    const row = parseRow(goto.value, grid.length);
    goto.classList.toggle("mdb-bad", row === null);
    if (row !== null) grid.jump(row);
  }
}
