/** The line under the rows: what happened, which rows are in view, and the box for a row number. */

import { countRows, group, h, icon, plural } from "./core.js";

export class GridFoot {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    this.size = "";
    /** @type {{text: string, tone: string} | undefined} */
    this.sentence = undefined;
    this.message = h("span", { class: "mdb-status", role: "status" });
    this.place = h("span", { class: "mdb-place" });
    this.goto = h("input", { class: "mdb-input mdb-goto", type: "text", inputmode: "numeric", placeholder: "Go to row", "aria-label": "Go to row", title: "A row number, or 50%" });
    /** For the buttons of parts, beside the sentence. */
    this.actions = h("span", { class: "mdb-foot-actions" });
    this.element = h("div", { class: "mdb-foot" }, this.message, this.actions, this.place, this.goto);
  }

  paint() {
    this.paintSentence();
    this.paintPlace();
  }

  paintSentence() {
    const { grid } = this;
    const chosen = countRows(grid.selected);
    const { text, tone } = grid.channel.late
      ? { text: "Waiting for the kernel: it may be running another cell", tone: "late" }
      : this.sentence?.text ? this.sentence : { text: chosen ? `${plural(chosen, "row")} selected` : "", tone: "" };
    if (this.message.textContent !== text) {
      this.message.replaceChildren(...(tone === "good" ? [icon("check")] : tone === "bad" ? [icon("warning")] : tone === "late" ? [h("span", { class: "mdb-spinner" })] : []), text);
      this.message.title = text;
    }
    this.message.dataset.tone = tone;
  }

  paintPlace() {
    const { grid } = this;
    const { length, store } = grid;
    const some = grid.columns.length > 0 && length > 0;
    const known = some && (store.exact || store.rowCount !== null);
    const total = known ? ` of ${store.exact ? "" : "≈ "}${group(length)}` : some ? " of …" : "";
    const size = store.exact ? plural(store.length, "row") : known ? `≈ ${plural(store.length, "row")}` : "";
    if (size !== this.size) grid.events.onsize?.(size);
    this.size = size;
    this.place.textContent = some ? `rows ${group(grid.firstRow + 1)} – ${group(grid.lastRow + 1)}${total}` : store.exact && grid.columns.length ? "0 rows" : "";
    this.goto.hidden = !some;
  }
}
