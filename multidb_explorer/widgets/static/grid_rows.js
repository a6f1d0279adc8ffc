/** The rows in view: a pool of elements that are moved and rewritten, never made anew. */

import { group, h, hasRow, showValue } from "./core.js";
import { isNumeric } from "./columns.js";
import { ROW } from "./grid_input.js";

/**
 * One row on screen, with what was last written into it.
 * @typedef {object} RowView
 * @property {HTMLElement} element
 * @property {HTMLElement} number
 * @property {HTMLElement} pins the cells of pinned columns
 * @property {HTMLElement} cells
 * @property {HTMLElement[]} items
 * @property {string[]} texts
 * @property {string[]} looks
 * @property {string[]} marks
 * @property {string[]} titles
 * @property {number} pinned how many of the items are pinned
 * @property {number} row
 * @property {string} look
 * @property {string} name
 */

/** @type {import("./data_grid.js").CellLook} */
const NO_LOOK = Object.freeze({});

export class RowPool {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    /** @type {RowView[]} */
    this.rows = [];
    this.element = h("div", { class: "mdb-pool", role: "presentation" });
  }

  /** @param {number} first @param {number} end */
  paint(first, end) {
    const { grid } = this;
    const top = grid.firstRow;
    const need = grid.height ? Math.min(Math.ceil(grid.height / ROW) + 1, grid.length - top) : 0;
    while (this.rows.length < need) this.rows.push(this.newRow());
    this.rotate(top);
    this.rows.forEach((view, at) => {
      view.element.hidden = at >= need;
      if (at < need) this.paintRow(view, top + at, first, end);
    });
    this.element.style.transform = `translateY(${-(grid.y - top * ROW)}px)`;
  }

  /** @returns {RowView} */
  newRow() {
    const number = h("span", { class: "mdb-number" });
    const head = h("div", { class: "mdb-rowhead", role: "rowheader", "aria-colindex": 1 }, h("span", { class: "mdb-tick" }), number);
    const cells = h("div", { class: "mdb-cells", role: "presentation" });
    const pins = h("div", { class: "mdb-cells mdb-pins", role: "presentation" });
    const element = h("div", { class: "mdb-row", role: "row" }, head, pins, cells);
    this.element.append(element);
    return { element, number, pins, cells, pinned: 0, items: [], texts: [], looks: [], marks: [], titles: [], row: -1, look: "", name: "" };
  }

  /** Move rows that left the view to the other end, so that the DOM order stays the reading order. @param {number} top */
  rotate(top) {
    const count = this.rows.length;
    const step = count ? top - this.rows[0].row : 0;
    if (step === 0 || Math.abs(step) >= count || this.rows[0].row < 0) return;
    if (step > 0) {
      const moved = this.rows.splice(0, step);
      this.rows.push(...moved);
      this.element.append(...moved.map((view) => view.element));
    } else {
      const moved = this.rows.splice(count + step);
      this.rows.unshift(...moved);
      this.element.prepend(...moved.map((view) => view.element));
    }
  }

  /** @param {RowView} view @param {number} row @param {number} first @param {number} end */
  paintRow(view, row, first, end) {
    const { grid } = this;
    const chosen = hasRow(grid.selected, row);
    const here = Boolean(grid.store.blockOf(row)) || row >= grid.store.length;
    const look = `mdb-row${row % 2 ? " mdb-odd" : ""}${chosen ? " mdb-chosen" : ""}${here ? "" : " mdb-waiting"}${grid.parts.map((part) => part.rowLook?.(row) ?? "").join("")}`;
    if (view.look !== look) {
      view.element.className = view.look = look;
      view.element.setAttribute("aria-selected", String(chosen));
    }
    if (view.row !== row) {
      view.row = row;
      view.element.setAttribute("aria-rowindex", String(row + 1 + grid.headRows));
    }
    const name = grid.parts.map((part) => part.rowName?.(row)).find(Boolean) ?? group(row + 1);
    if (view.name !== name) view.number.textContent = view.name = name;
    const pins = grid.pins;
    this.fitCells(view, pins, pins + end - first);
    for (let at = 0; at < view.items.length; at += 1) this.paintCell(view, row, at < pins ? at : first + at - pins, at);
  }

  /** @param {RowView} view @param {number} pins @param {number} count */
  fitCells(view, pins, count) {
    if (view.pinned !== pins) {
      view.pinned = pins;
      view.pins.replaceChildren(...view.items.slice(0, pins));
      view.cells.replaceChildren(...view.items.slice(pins));
    }
    while (view.items.length < count) {
      const item = h("div", { role: "gridcell" });
      (view.items.length < pins ? view.pins : view.cells).append(item);
      view.items.push(item);
      view.texts.push("");
      view.looks.push("");
      view.marks.push("");
      view.titles.push("");
    }
    while (view.items.length > count) {
      view.items.pop()?.remove();
      view.texts.pop();
      view.looks.pop();
      view.marks.pop();
      view.titles.pop();
    }
  }

  /** Write only what changed: the grid is repainted with every scrolled pixel. @param {RowView} view @param {number} row @param {number} column @param {number} at */
  paintCell(view, row, column, at) {
    const { grid } = this;
    const item = view.items[at];
    const extra = this.lookOf(row, column);
    const cell = extra.cell ?? grid.store.cell(row, column);
    const shown = extra.shown ?? (cell ? showValue(cell.tag, cell.value) : { text: "", look: "wait", mark: "" });
    const active = grid.hasActive && grid.active.row === row && grid.active.column === column;
    const look = `mdb-cell${isNumeric(grid.columns[column].kind) ? " mdb-num" : ""}${shown.look ? ` mdb-${shown.look}` : ""}${grid.inRange(row, column) ? " mdb-range" : ""}${active ? " mdb-active" : ""}${extra.look ?? ""}`;
    if (view.texts[at] !== shown.text) item.textContent = view.texts[at] = shown.text;
    if (view.marks[at] !== shown.mark) {
      view.marks[at] = shown.mark;
      if (shown.mark) item.dataset.mark = shown.mark;
      else delete item.dataset.mark;
    }
    if (view.looks[at] !== look) {
      item.className = view.looks[at] = look;
      if (active) item.id = `${grid.id}-active`;
      else item.removeAttribute("id");
    }
    this.writeTitle(view, at, extra.title ?? "");
    const index = String(column + 2);
    if (item.getAttribute("aria-colindex") !== index) item.setAttribute("aria-colindex", index);
  }
  /** What the parts say of a cell, later ones on top. @param {number} row @param {number} column @returns {import("./data_grid.js").CellLook} */
  lookOf(row, column) {
    /** @type {import("./data_grid.js").CellLook} */
    let found = NO_LOOK;
    for (const part of this.grid.parts) {
      const look = part.cellLook?.(row, column);
      if (look) found = { ...found, ...look, look: `${found.look ?? ""}${look.look ?? ""}` };
    }
    return found;
  }

  /** @param {RowView} view @param {number} at @param {string} title */
  writeTitle(view, at, title) {
    if (view.titles[at] === title) return;
    view.titles[at] = title;
    const item = view.items[at];
    if (title) {
      item.title = title;
      item.setAttribute("aria-description", title);
    } else {
      item.removeAttribute("title");
      item.removeAttribute("aria-description");
    }
  }
}
