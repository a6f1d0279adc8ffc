/** The explorer's tab "Relations": a drawing of the tables around this one, each a way to the rows that belong to a row. */

import { errorText, group, h, icon, plural } from "./core.js";
import { Pane, section, sheet } from "./pane.js";
import { columnList } from "./structure_tab.js";
import { BOX_HEIGHT, arrow, curve, layoutDiagram } from "./diagram.js";

/** @typedef {{forward: boolean, table: string, schema: string | null, columns: string[], target_columns: string[]}} Way */

const SVG = "http://www.w3.org/2000/svg";

/** @param {string} path @param {string} look */
function drawn(path, look) {
  const node = document.createElementNS(SVG, "path");
  node.setAttribute("d", path);
  node.setAttribute("class", look);
  return node;
}

export class RelationsTab {
  /** @param {import("./explorer.js").Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    this.channel = explorer.channel;
    this.pane = new Pane(explorer.channel, "Relations of the table");
    this.element = this.pane.element;
    /** @type {Way[]} */
    this.ways = [];
    /** @type {(string | null)[][]} of the row, for each way; empty without a row */
    this.values = [];
    /** @type {(number | null)[]} */
    this.counts = [];
    this.row = -1;
    this.key = "";
    this.round = 0;
    this.lead = h("p", { class: "mdb-lead", role: "status" });
    this.canvas = h("div", { class: "mdb-diagram", role: "group", "aria-label": "The tables around this one" });
    this.table = h("div");
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.pane.body);
  }

  /** @param {any} opened */
  open(opened) {
    this.pane.clear();
    this.ways = [];
    this.row = -1;
    if (opened) this.pane.load("neighbours", {}, { title: "Reading the foreign keys …", failed: "The relations can’t be read" }, (message) => this.show(message.links));
  }

  /** Another row may be the active one. */
  enter() {
    if (this.ways.length) this.lookAtRow();
  }

  focus() {
    this.pane.body.focus({ preventScroll: true });
  }

  dispose() {
    this.round += 1;
    this.pane.drop();
    this.observer.disconnect();
  }

  /** @param {Way[]} ways */
  show(ways) {
    this.ways = ways;
    this.values = [];
    this.counts = ways.map(() => null);
    if (!ways.length) return this.pane.say({ look: "empty", title: "No relations", text: `No foreign key leads from ${this.explorer.opened.title} or to it.` });
    this.pane.body.replaceChildren(this.lead, this.canvas, this.table);
    this.pane.body.scrollTop = 0;
    this.draw();
    return this.lookAtRow();
  }

  // ------------------------------------------------------------------ the row

  /** What the active row belongs to, and then how many rows belong to it, one relation after the other. */
  async lookAtRow() {
    const { grid } = this.explorer.data;
    const row = grid.hasActive && grid.active.row >= 0 ? grid.active.row : 0;
    this.round += 1;
    const { round } = this;
    const { epoch } = grid.store;
    this.values = [];
    this.counts = this.ways.map(() => null);
    this.row = row;
    this.tell("");
    this.draw();
    try {
      const { message } = await this.channel.job("row_links", { epoch, row }).answer;
      if (round !== this.round) return;
      this.values = message.values;
      this.key = message.has_key ? message.key : `number ${group(row + 1)}`;
      this.tell("");
      this.draw();
      for (const [link, way] of this.ways.entries()) {
        if (way.forward || this.isNull(link)) continue;
        const { message: counted } = await this.channel.job("link_count", { epoch, row, link }).answer;
        if (round !== this.round) return;
        this.counts[link] = counted.count;
        this.draw();
      }
    } catch (error) {
      if (round === this.round) this.tell(grid.store.exact && grid.length === 0 ? "The table has no rows yet." : errorText(error));
    }
  }

  /** @param {string} trouble */
  tell(trouble) {
    const { title } = this.explorer.opened ?? { title: "" };
    const about = this.values.length ? [`Row `, h("b", {}, this.key), ` of ${title}: a table opens with the rows that belong to it.`] : [`Reading row ${group(this.row + 1)} of ${title} …`];
    this.lead.replaceChildren(...(trouble ? [icon("warning"), " ", trouble] : about));
  }

  /** @param {number} link */
  isNull(link) {
    return this.values[link]?.includes(null) ?? false;
  }

  /** What stands at the end of a way, in words. @param {number} link */
  rowsAt(link) {
    if (!this.values.length) return "";
    if (this.isNull(link)) return "NULL";
    if (this.ways[link].forward) return this.values[link].join(", ");
    const count = this.counts[link];
    return count === null ? "…" : plural(count, "row");
  }

  /** @param {number} link */
  async go(link) {
    try {
      await this.explorer.follow({ row: this.row, link });
    } catch (error) {
      this.tell(errorText(error));
    }
  }

  /** @param {Way} way */
  openAll({ table, schema }) {
    this.explorer.trail.clear();
    this.explorer.openTable({ name: table, schema, kind: "table", comment: null, rows: null }, { fresh: true });
  }

  // ------------------------------------------------------------------ the drawing

  draw() {
    const style = getComputedStyle(this.pane.body);
    const width = this.pane.body.clientWidth - parseFloat(style.paddingLeft || "0") - parseFloat(style.paddingRight || "0");
    if (!this.ways.length || width <= 0) return;
    const focused = document.activeElement instanceof HTMLElement && this.canvas.contains(document.activeElement) ? document.activeElement.dataset.link : undefined;
    const { height, boxes, lines } = layoutDiagram(this.ways.map(({ forward }) => forward), width);
    const picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("class", "mdb-diagram-lines");
    picture.setAttribute("aria-hidden", "true");
    picture.setAttribute("width", String(width));
    picture.setAttribute("height", String(height));
    for (const [link, line] of lines.entries()) {
      const look = this.values.length && this.isNull(link) ? " mdb-way-null" : "";
      picture.append(drawn(curve(line), `mdb-way${look}`), drawn(arrow(line), `mdb-way${look}`));
    }
    this.canvas.style.height = `${height}px`;
    this.canvas.replaceChildren(picture, ...boxes.map((box) => this.box(box)));
    if (focused !== undefined) /** @type {HTMLElement | null} */ (this.canvas.querySelector(`[data-link="${focused}"]`))?.focus({ preventScroll: true });
    this.list();
  }

  /** @param {import("./diagram.js").Box} box */
  box({ index, x, y, width }) {
    const node = index < 0 ? this.ownBox() : this.wayBox(index);
    Object.assign(node.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${BOX_HEIGHT}px` });
    return node;
  }

  ownBox() {
    const { title } = this.explorer.opened;
    return h("div", { class: "mdb-box mdb-box-own" }, h("span", { class: "mdb-box-name" }, icon("table"), title), h("span", { class: "mdb-box-note" }, this.values.length ? this.key : ""));
  }

  /** @param {number} index */
  wayBox(index) {
    const way = this.ways[index];
    const rows = this.rowsAt(index);
    const barred = this.isNull(index) || this.counts[index] === 0;
    const words = way.forward ? `${columnList(way.columns)} refers to ${way.table}` : `${way.table} refers here by ${columnList(way.target_columns)}`;
    return h(
      "button",
      { class: `mdb-box${barred ? " mdb-box-none" : ""}`, type: "button", "data-link": index, title: `${words}${rows ? `: ${rows}` : ""}`, "aria-disabled": barred ? "true" : undefined, onclick: () => (barred ? undefined : this.go(index)) },
      h("span", { class: "mdb-box-name" }, icon("table"), way.table),
      h("span", { class: "mdb-box-note" }, h("span", { class: "mdb-box-column" }, way.forward ? columnList(way.columns) : columnList(way.target_columns)), rows && h("span", { class: "mdb-box-rows" }, rows)),
    );
  }

  /** The same as a table, with the way to all rows. */
  list() {
    const rows = this.ways.map((way, link) => [
      way.forward ? "refers to" : "referred to by",
      h("button", { class: "mdb-link mdb-go", type: "button", title: `All rows of ${way.table}`, onclick: () => this.openAll(way) }, way.schema ? `${way.schema}.${way.table}` : way.table),
      way.forward ? `${columnList(way.columns)} → ${columnList(way.target_columns)}` : `${columnList(way.target_columns)} → ${columnList(way.columns)}`,
      this.rowsAt(link),
    ]);
    this.table.replaceChildren(section("All of them", "a name opens the whole table", sheet(["Direction", "Table", "Key", "This row"], rows, "Relations")));
  }
}
