/** The menu of a cell, a row or a column header: what the parts of the grid offer there. */

import { float, focusBack, h, icon, unfloat, uniqueId } from "./core.js";

/**
 * Where a menu was asked for.
 * @typedef {object} MenuPlace
 * @property {"cell" | "row" | "column"} kind
 * @property {number} row -1 for a column header
 * @property {number} column
 */

/**
 * @typedef {object} MenuItem
 * @property {string} label
 * @property {() => void} run
 * @property {string} [keys] the keys that do the same, in words
 * @property {Parameters<typeof icon>[0]} [icon]
 * @property {string} [refused] why it can't be done now
 * @property {boolean} [danger]
 * @property {string} [group] items of one group stand together, with a line between groups
 */

/**
 * The items in the order of their groups' first mention.
 * @param {MenuItem[]} items
 * @returns {MenuItem[][]}
 */
export function grouped(items) {
  /** @type {Map<string, MenuItem[]>} */
  const groups = new Map();
  for (const item of items) groups.set(item.group ?? "", [...(groups.get(item.group ?? "") ?? []), item]);
  return [...groups.values()];
}

/** A menu of words that floats at a point; the grid's own, and that of buttons with a list of actions. */
export class ActionMenu {
  /** @param {HTMLElement} host where it lives, for the panel's colours @param {string} label */
  constructor(host, label) {
    this.host = host;
    this.id = uniqueId("menu");
    /** @type {MenuItem[]} */
    this.items = [];
    this.at = -1;
    this.isOpen = false;
    /** @type {Element | null} */
    this.before = null;
    this.list = h("div", { class: "mdb-options mdb-menu", role: "menu", "aria-label": label, tabindex: -1 });
    this.box = h("div", { class: "mdb-float", hidden: true }, this.list);
    this.list.addEventListener("keydown", (event) => this.pressed(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("contextmenu", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.pick(this.indexOf(event)));
    this.list.addEventListener("pointermove", (event) => this.indexOf(event) >= 0 && this.go(this.indexOf(event)));
    this.away = (/** @type {Event} */ event) => event.target instanceof Node && !this.box.contains(event.target) && this.close();
    this.gone = () => this.close();
  }

  /** @param {MenuItem[]} items @param {number} x @param {number} y @param {number} [above] the upper edge of what it belongs to, where there is no room below */
  open(items, x, y, above = y) {
    const groups = grouped(items);
    this.items = groups.flat();
    if (!this.items.length) return;
    this.close();
    this.before = document.activeElement;
    let index = 0;
    this.list.replaceChildren(...groups.flatMap((group_, at) => [...(at ? [h("div", { class: "mdb-rule", role: "separator" })] : []), ...group_.map((item) => this.option(item, index++))]));
    this.host.append(this.box);
    float(this.box);
    this.place(x, y, above);
    this.isOpen = true;
    this.list.focus({ preventScroll: true });
    this.go(this.items.findIndex(({ refused }) => !refused));
    document.addEventListener("pointerdown", this.away, true);
    window.addEventListener("resize", this.gone);
    window.addEventListener("blur", this.gone);
  }

  /** @param {number} x @param {number} y @param {number} above */
  place(x, y, above) {
    const { style } = this.box;
    const { width, height } = this.box.getBoundingClientRect();
    style.left = `${Math.max(4, Math.min(x, window.innerWidth - width - 4))}px`;
    style.top = `${y + height + 4 > window.innerHeight && above > height ? above - height : Math.max(4, Math.min(y, window.innerHeight - height - 4))}px`;
  }

  /** @param {MenuItem} item @param {number} index */
  option(item, index) {
    return h(
      "div",
      { class: `mdb-option${item.danger ? " mdb-option-danger" : ""}`, id: `${this.id}-${index}`, role: "menuitem", "aria-disabled": item.refused ? "true" : undefined, title: item.refused },
      item.icon ? icon(item.icon) : h("span", { class: "mdb-icon" }),
      h("span", { class: "mdb-option-name" }, item.label),
      item.keys && h("span", { class: "mdb-option-note", "aria-hidden": "true" }, item.keys),
    );
  }

  /** @param {number} at */
  go(at) {
    this.at = at;
    this.options.forEach((node, index) => node.classList.toggle("mdb-here", index === at));
    if (at >= 0) this.list.setAttribute("aria-activedescendant", `${this.id}-${at}`);
    else this.list.removeAttribute("aria-activedescendant");
  }

  get options() {
    return [...this.list.querySelectorAll(".mdb-option")];
  }

  /** @param {Event} event */
  indexOf(event) {
    const node = event.target instanceof Element ? event.target.closest(".mdb-option") : null;
    return node ? this.options.indexOf(node) : -1;
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const count = this.items.length;
    event.stopPropagation();
    event.preventDefault();
    if (event.key === "ArrowDown") this.go((this.at + 1) % count);
    else if (event.key === "ArrowUp") this.go((this.at - 1 + count) % count);
    else if (event.key === "Home") this.go(0);
    else if (event.key === "End") this.go(count - 1);
    else if (event.key === "Enter" || event.key === " ") this.pick(this.at);
    else if (event.key === "Escape" || event.key === "Tab") this.close();
    else if (event.key.length === 1) this.typed(event.key.toLowerCase());
  }

  /** @param {string} letter */
  typed(letter) {
    const { items, at } = this;
    const order = [...items.keys()].map((step) => (at + 1 + step) % items.length);
    const found = order.find((index) => items[index].label.toLowerCase().startsWith(letter));
    if (found !== undefined) this.go(found);
  }

  /** @param {number} index */
  pick(index) {
    const item = this.items[index];
    if (!item || item.refused) return;
    this.close();
    item.run();
  }

  close() {
    if (!this.isOpen) return;
    this.isOpen = false;
    document.removeEventListener("pointerdown", this.away, true);
    window.removeEventListener("resize", this.gone);
    window.removeEventListener("blur", this.gone);
    const held = this.box.contains(document.activeElement);
    unfloat(this.box);
    this.box.remove();
    if (held) focusBack(this.before, this.host);
  }
}

export class GridMenu extends ActionMenu {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    super(grid.element, "Actions");
    this.grid = grid;
    grid.body.addEventListener("contextmenu", (event) => this.atPointer(event));
    grid.head.addEventListener("contextmenu", (event) => this.atPointer(event));
  }

  /** @param {MouseEvent} event */
  atPointer(event) {
    const { grid } = this;
    const { input } = grid;
    const column = input.columnOf(event);
    /** @type {MenuPlace} */
    let place = { kind: "column", row: -1, column };
    if (grid.body.contains(/** @type {Node} */ (event.target))) {
      const at = input.cellAt(event);
      place = { kind: at.inHead ? "row" : "cell", row: at.row, column: at.column };
      if (!grid.length) return;
      if (!grid.inRange(at.row, at.column)) grid.moveTo(at.row, at.inHead ? grid.active.column : at.column, false);
    } else if (column < 0) return;
    const items = this.itemsAt(place);
    if (!items.length) return;
    event.preventDefault();
    event.stopPropagation();
    grid.view.focus({ preventScroll: true });
    this.open(items, event.clientX, event.clientY);
  }

  /** @param {MenuPlace} place */
  itemsAt(place) {
    return this.grid.parts.flatMap((part) => part.menu?.(place) ?? []);
  }

  /** The menu of the active cell or header. @param {KeyboardEvent} event @returns {boolean} */
  key(event) {
    const { grid } = this;
    const asked = event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
    if (!asked || !grid.hasActive) return false;
    const { row, column } = grid.active;
    const items = this.itemsAt({ kind: row < 0 ? "column" : "cell", row, column });
    const box = document.getElementById(`${grid.id}-active`)?.getBoundingClientRect();
    if (items.length && box) this.open(items, box.left, box.bottom, box.top);
    return true;
  }
}
