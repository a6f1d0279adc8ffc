/** The head of the grid: names and sort of the columns, and below them the row of filters. */

import { countRows, h } from "./core.js";
import { headerCell } from "./columns.js";

/** @typedef {import("./columns.js").Column} Column */

export class GridHead {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    this.shown = "";
    this.tickAll = h("span", { class: "mdb-tick", title: "Select all rows" });
    this.corner = h("div", { class: "mdb-rowhead mdb-corner", role: "columnheader", "aria-colindex": 1, "aria-label": "Row number" }, this.tickAll, h("span", { class: "mdb-number" }, "#"));
    this.pins = h("div", { class: "mdb-cells mdb-pins", role: "presentation" });
    this.cells = h("div", { class: "mdb-cells", role: "presentation" });
    const row = h("div", { class: "mdb-row mdb-headrow", role: "row", "aria-rowindex": 1 }, this.corner, this.pins, this.cells);
    this.element = h("div", { class: "mdb-head", role: "rowgroup" }, row);
    /** The cell under the header of a column, where a part shows one. @type {((column: Column) => HTMLElement) | null} */
    this.below = null;
    this.belowPins = h("div", { class: "mdb-cells mdb-pins", role: "presentation" });
    this.belowCells = h("div", { class: "mdb-cells", role: "presentation" });
    this.belowCorner = h("div", { class: "mdb-rowhead", role: "rowheader", "aria-colindex": 1 });
    this.belowRow = h("div", { class: "mdb-row mdb-filterrow", role: "row", "aria-rowindex": 2, hidden: true }, this.belowCorner, this.belowPins, this.belowCells);
    this.element.append(this.belowRow);
  }

  /** Show a second row. @param {string} label @param {((column: Column) => HTMLElement) | null} make */
  showBelow(label, make) {
    this.below = make;
    this.belowRow.hidden = make === null;
    this.belowCorner.replaceChildren(h("span", {}), h("span", { class: "mdb-number" }, label));
    this.grid.element.classList.toggle("mdb-filtering", make !== null);
    this.shown = "";
    this.grid.ask();
  }

  get rows() {
    return this.below === null ? 1 : 2;
  }

  /** @param {number} first @param {number} end */
  paint(first, end) {
    const { grid } = this;
    const sort = grid.sort.length ? grid.sort : grid.defaultSort;
    const shown = JSON.stringify([grid.pins, first, end, grid.columns.map(({ name }) => name), grid.widths, sort]);
    if (shown !== this.shown) {
      this.shown = shown;
      const [pinned, rest] = [grid.columns.slice(0, grid.pins), grid.columns.slice(Math.max(first, grid.pins), end)];
      this.pins.replaceChildren(...pinned.map((column) => headerCell(column, sort)));
      this.cells.replaceChildren(...rest.map((column) => headerCell(column, sort)));
      if (this.below) {
        fill(this.belowPins, pinned.map(this.below));
        fill(this.belowCells, rest.map(this.below));
      }
    }
    this.mark(this.pins, this.belowPins, 0);
    this.mark(this.cells, this.belowCells, Math.max(first, grid.pins));
    const chosen = countRows(grid.selected);
    this.tickAll.className = `mdb-tick${chosen === 0 ? "" : chosen >= grid.length ? " mdb-on" : " mdb-some"}`;
  }

  /** @param {HTMLElement} cells @param {HTMLElement} below @param {number} first */
  mark(cells, below, first) {
    const { grid } = this;
    [...cells.children].forEach((cell, at) => {
      const column = first + at;
      const active = grid.hasActive && grid.active.row < 0 && grid.active.column === column;
      cell.setAttribute("aria-colindex", String(column + 2));
      cell.classList.toggle("mdb-active", active);
      if (active) cell.id = `${grid.id}-active`;
      else cell.removeAttribute("id");
      below.children[at]?.setAttribute("aria-colindex", String(column + 2));
    });
  }
}

/** Put elements into a row; one that holds the focus keeps it. @param {HTMLElement} row @param {HTMLElement[]} items */
function fill(row, items) {
  const held = row.contains(document.activeElement) ? document.activeElement : null;
  row.replaceChildren(...items);
  if (held instanceof HTMLElement && row.contains(held)) held.focus({ preventScroll: true });
}
