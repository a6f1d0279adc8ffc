/** The way back: the tables and rows from which relations were followed. */

import { h, icon } from "./core.js";

/**
 * Where somebody stood.
 * @typedef {object} Crumb
 * @property {string | null} alias
 * @property {import("./table_list.js").Table} table
 * @property {number} visit what the kernel keeps it by
 * @property {{x: number, y: number, active: {row: number, column: number}, hasActive: boolean} | null} place null where it is not known
 * @property {string} tab
 * @property {string} words what narrowed the rows down
 */

export class Trail {
  /** @param {(crumb: Crumb) => void} onback */
  constructor(onback) {
    this.onback = onback;
    /** @type {Crumb[]} */
    this.crumbs = [];
    this.list = h("ol", { class: "mdb-trail-list" });
    this.element = h("nav", { class: "mdb-trail", "aria-label": "The way back", hidden: true }, this.list);
  }

  /** @param {Crumb} crumb */
  push(crumb) {
    this.crumbs = [...this.crumbs, crumb];
    this.paint();
  }

  clear() {
    this.crumbs = [];
    this.paint();
  }

  /** @param {number} at */
  back(at) {
    const crumb = this.crumbs[at];
    this.crumbs = this.crumbs.slice(0, at);
    this.paint();
    this.onback(crumb);
  }

  paint() {
    this.element.hidden = !this.crumbs.length;
    this.list.replaceChildren(...this.crumbs.map(({ table, words }, at) => h(
      "li",
      { class: "mdb-crumb" },
      h("button", { class: "mdb-link mdb-go", type: "button", title: words ? `${table.name}: ${words}` : table.name, onclick: () => this.back(at) }, at === 0 && icon("back"), table.name),
      words && h("span", { class: "mdb-crumb-words" }, words),
    )));
  }
}
