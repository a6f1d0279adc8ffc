/** What leaves the grid by the clipboard: the range of cells as tab-separated text. */

import { errorText, group, plainValue, plural, toTsv } from "./core.js";

const COPY_ROWS = 5000;

export class Clipboard {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    grid.view.addEventListener("copy", (event) => this.copy(event));
  }

  /** @param {import("./grid_menu.js").MenuPlace} place @returns {import("./grid_menu.js").MenuItem[]} */
  menu({ kind }) {
    const { active, corner } = this.grid;
    const [top, bottom] = [active.row, corner.row].sort((a, b) => a - b);
    return kind === "cell" ? [{ label: "Copy", keys: "Ctrl+C", group: "clipboard", run: () => this.copyLater(top, bottom) }] : [];
  }

  /** @param {ClipboardEvent} event */
  copy(event) {
    const { grid } = this;
    if (!grid.hasActive || grid.active.row < 0) return;
    event.preventDefault();
    const [top, bottom] = [grid.active.row, grid.corner.row].sort((a, b) => a - b);
    if (bottom - top >= COPY_ROWS) {
      grid.say(`${plural(bottom - top + 1, "row")} are too many to copy (at most ${group(COPY_ROWS)}): use .to_pandas()`, "bad");
      return;
    }
    let whole = true;
    for (let row = top; row <= bottom; row += 1) whole = whole && (row >= grid.store.length || Boolean(grid.store.blockOf(row)));
    if (whole) event.clipboardData?.setData("text/plain", this.copyText(top, bottom));
    else this.copyLater(top, bottom);
  }

  /** @param {number} top @param {number} bottom */
  async copyLater(top, bottom) {
    const { grid } = this;
    try {
      await grid.store.gather(top, Math.min(bottom, grid.store.length - 1));
      await navigator.clipboard.writeText(this.copyText(top, bottom));
    } catch (error) {
      grid.say(`Nothing was copied: ${errorText(error)}`, "bad");
    }
  }

  /** @param {number} top @param {number} bottom */
  copyText(top, bottom) {
    const { grid } = this;
    const [left, right] = [grid.active.column, grid.corner.column].sort((a, b) => a - b);
    let cut = 0;
    const rows = [];
    for (let row = top; row <= bottom; row += 1) {
      const line = [];
      for (let column = left; column <= right; column += 1) {
        const cell = grid.cellAt(row, column);
        if (cell && typeof cell.value === "object" && cell.value !== null) cut += 1;
        line.push(cell ? plainValue(cell.tag, cell.value) : "");
      }
      rows.push(line);
    }
    const size = `${group(rows.length)} × ${right - left + 1}`;
    grid.say(`Copied ${rows.length * (right - left + 1) === 1 ? "1 cell" : `${size} cells`}${cut ? `; ${plural(cut, "long value")} only as far as shown` : ""}`, cut ? "bad" : "good");
    return toTsv(rows);
  }
}
