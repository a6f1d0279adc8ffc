/** The arrangement of the columns: order, widths, pinned and hidden ones, and the menu of a header. */

import { float, h, icon, placeBeside, unfloat } from "./core.js";
import { movedTo } from "./columns.js";

/** @typedef {import("./columns.js").Layout} Layout */

const DRAG_FROM = 6;
const KEPT_AFTER = 400;

export class GridLayout {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    /** @type {any} */
    this.timer = undefined;
    this.dragged = false;
    /** Widths that nobody chose: those of the first fit. @type {Record<string, number> | undefined} */
    this.fittedWidths = undefined;
    this.list = new ColumnList(this);
    this.marker = h("div", { class: "mdb-drop", hidden: true });
    grid.head.append(this.marker);
    this.button = h("button", { class: "mdb-tool mdb-columns-button", type: "button", title: "Columns: show, hide", "aria-label": "Columns", "aria-haspopup": "dialog", onclick: () => this.list.toggle() }, icon("columns"));
    grid.foot.element.append(this.button);
    grid.head.addEventListener("pointerdown", (event) => this.press(event));
    grid.head.addEventListener("click", (event) => this.clicked(event), true);
    grid.head.addEventListener("pointerup", () => setTimeout(() => this.widthsMayHaveChanged()));
    grid.head.addEventListener("dblclick", () => setTimeout(() => this.widthsMayHaveChanged()));
  }

  dispose() {
    clearTimeout(this.timer);
    this.list.close();
  }

  paint() {
    const { grid } = this;
    const hidden = grid.all.length - grid.columns.length;
    this.button.hidden = grid.all.length === 0;
    this.button.classList.toggle("mdb-some-hidden", hidden > 0);
    this.button.title = hidden ? `Columns: ${hidden} hidden` : "Columns: show, hide";
  }

  // ------------------------------------------------------------------ changes

  /** @param {Partial<Layout>} change */
  set(change) {
    const { grid } = this;
    grid.arrange({ ...grid.layout, ...change });
    grid.look();
    this.keep();
  }

  /** The kernel keeps it for as long as the panel lives, so that it is there again after a reload. */
  keep() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      // What can't be kept is lost with the page, no more.
      this.grid.channel.request("layout", { layout: this.grid.layout }).catch(() => undefined);
    }, KEPT_AFTER);
  }

  widthsMayHaveChanged() {
    const { grid } = this;
    if (!grid.fitted) return;
    const now = Object.fromEntries(grid.columns.map(({ name }, at) => [name, grid.widths[at]]));
    const known = grid.layout.widths ?? {};
    const changed = Object.entries(now).filter(([name, width]) => known[name] !== undefined ? known[name] !== width : this.fittedWidths?.[name] !== undefined && this.fittedWidths[name] !== width);
    if (!changed.length) return;
    grid.layout = { ...grid.layout, widths: { ...known, ...Object.fromEntries(changed) } };
    this.keep();
  }

  rememberFitted() {
    const { grid } = this;
    this.fittedWidths = Object.fromEntries(grid.columns.map(({ name }, at) => [name, grid.widths[at]]));
  }

  /** @param {number} column @param {number} to */
  move(column, to) {
    const { grid } = this;
    const names = grid.columns.map(({ name }) => name);
    const name = names[column];
    const shown = movedTo(names, name, to);
    const pinned = new Set(grid.layout.pinned ?? []);
    const pins = grid.pinned;
    // A column that is moved among the pinned ones is pinned, and one that leaves them is not.
    if (to < pins) pinned.add(name);
    else pinned.delete(name);
    const hidden = grid.all.map((each) => each.name).filter((each) => !shown.includes(each));
    this.set({ order: [...shown, ...hidden], pinned: [...pinned] });
    grid.active = grid.corner = { row: grid.active.row, column: Math.max(0, grid.columns.findIndex((each) => each.name === name)) };
    grid.reveal();
  }

  /** @param {string} name @param {boolean} shown */
  show(name, shown) {
    const hidden = (this.grid.layout.hidden ?? []).filter((other) => other !== name);
    // The last one stays: a grid without columns could not be brought back by its header.
    if (!shown && this.grid.columns.length <= 1) return;
    this.set({ hidden: shown ? hidden : [...hidden, name] });
  }

  /** @param {string} name */
  pin(name) {
    const pinned = this.grid.layout.pinned ?? [];
    this.set({ pinned: pinned.includes(name) ? pinned.filter((other) => other !== name) : [...pinned, name] });
  }

  /** @param {number} column */
  fit(column) {
    const { grid } = this;
    grid.setWidth(column, grid.fit(column));
    this.widthsMayHaveChanged();
  }

  // ------------------------------------------------------------------ menu and keys

  /** @param {import("./grid_menu.js").MenuPlace} place @returns {import("./grid_menu.js").MenuItem[]} */
  menu({ kind, column }) {
    const { grid } = this;
    if (kind !== "column") return [];
    const { name, sortable, indexed } = grid.columns[column];
    const key = grid.sort.find((each) => each.column === name);
    const refused = sortable ? undefined : "This type has no order";
    const sort = (/** @type {boolean} */ descending) => grid.order.sort([{ column: name, descending }]);
    const pinned = (grid.layout.pinned ?? []).includes(name);
    const last = grid.columns.length - 1;
    return [
      { label: "Sort ascending", icon: "up", group: "sort", refused, keys: indexed ? "indexed" : "", run: () => sort(false) },
      { label: "Sort descending", icon: "down", group: "sort", refused, run: () => sort(true) },
      ...(grid.sort.length && !key ? [{ label: "Sort by this too", group: "sort", refused, keys: "Shift+Enter", run: () => grid.sortBy(column, true) }] : []),
      ...(key ? [{ label: "Don’t sort by this", group: "sort", run: () => grid.order.sort(grid.sort.filter((each) => each !== key)) }] : []),
      { label: pinned ? "Unpin" : "Pin to the left", icon: "pin", group: "place", run: () => this.pin(name) },
      { label: "Move left", icon: "left", group: "place", keys: "Alt+Shift+←", refused: column === 0 ? "It is the first" : undefined, run: () => this.move(column, column - 1) },
      { label: "Move right", icon: "right", group: "place", keys: "Alt+Shift+→", refused: column === last ? "It is the last" : undefined, run: () => this.move(column, column + 1) },
      { label: "Hide", group: "place", refused: last === 0 ? "One column stays" : undefined, run: () => this.show(name, false) },
      { label: "Fit the width", group: "width", keys: "Alt+0", run: () => this.fit(column) },
      { label: "Fit all widths", group: "width", run: () => this.fitAll() },
      { label: "Columns …", icon: "columns", group: "width", run: () => this.list.open() },
      ...(this.changed ? [{ label: "Arrange as at first", group: "width", run: () => this.reset() }] : []),
    ];
  }

  get changed() {
    return Object.values(this.grid.layout).some((value) => Object.keys(value ?? {}).length > 0);
  }

  fitAll() {
    const { grid } = this;
    grid.layout = { ...grid.layout, widths: {} };
    grid.fitAll();
    this.rememberFitted();
    this.keep();
  }

  reset() {
    this.grid.layout = {};
    this.set({});
    this.fitAll();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { grid } = this;
    const { row, column } = grid.active;
    if (!event.altKey || event.ctrlKey || event.metaKey || row >= 0 || !grid.hasActive) return false;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "ArrowDown") this.openMenu(column);
    else if (event.key === "0") this.fit(column);
    else if (event.shiftKey && step) {
      if (grid.columns[column + step]) this.move(column, column + step);
    } else {
      // A width that is changed by the grid's own keys is kept like one that was dragged.
      if (step) setTimeout(() => this.widthsMayHaveChanged());
      return false;
    }
    return true;
  }

  /** @param {number} column */
  openMenu(column) {
    const { grid } = this;
    const cell = grid.head.querySelector(`.mdb-th[aria-colindex="${column + 2}"]`);
    const box = cell?.getBoundingClientRect();
    if (box) grid.menu.open(grid.menu.itemsAt({ kind: "column", row: -1, column }), box.left, box.bottom, box.top);
  }

  // ------------------------------------------------------------------ dragging

  /** @param {MouseEvent} event */
  clicked(event) {
    const { target } = event;
    const onMenu = target instanceof Element && target.closest(".mdb-th-menu");
    if (!this.dragged && !onMenu) return;
    event.stopPropagation();
    const column = this.grid.input.columnOf(event);
    if (!this.dragged && column >= 0) {
      this.grid.view.focus({ preventScroll: true });
      this.grid.active = this.grid.corner = { row: -1, column };
      this.openMenu(column);
    }
    this.dragged = false;
  }

  /** @param {PointerEvent} event */
  press(event) {
    const { grid } = this;
    const { target } = event;
    const from = grid.input.columnOf(event);
    this.dragged = false;
    if (event.button !== 0 || from < 0 || !(target instanceof Element) || target.closest(".mdb-grip, .mdb-th-menu")) return;
    let to = from;
    grid.input.follow(event, (move) => {
      if (!this.dragged && Math.abs(move.clientX - event.clientX) < DRAG_FROM) return;
      this.dragged = true;
      to = this.place(move.clientX, from);
    }, () => {
      this.marker.hidden = true;
      grid.element.classList.remove("mdb-moving");
      if (this.dragged && to !== from) this.move(from, to);
    });
  }

  /** Where a column that is dropped here would stand; the marker shows it. @param {number} x @param {number} from */
  place(x, from) {
    const { grid } = this;
    const heads = [...grid.head.querySelectorAll(".mdb-th")];
    const over = heads.find((head) => x < head.getBoundingClientRect().right) ?? heads[heads.length - 1];
    const box = over.getBoundingClientRect();
    const at = Number(over.getAttribute("aria-colindex")) - 2;
    const after = x > box.left + box.width / 2;
    const edge = after ? box.right : box.left;
    grid.element.classList.add("mdb-moving");
    this.marker.hidden = false;
    this.marker.style.left = `${edge - grid.head.getBoundingClientRect().left - 1}px`;
    const gap = after ? at + 1 : at;
    return gap > from ? gap - 1 : gap;
  }
}

/** Which columns are shown: a list of boxes to tick. */
class ColumnList {
  /** @param {GridLayout} layout */
  constructor(layout) {
    this.layout = layout;
    this.isOpen = false;
    this.search = h("input", { class: "mdb-input", type: "text", placeholder: "Search", "aria-label": "Search columns", autocomplete: "off" });
    this.items = h("div", { class: "mdb-options", role: "group", "aria-label": "Columns" });
    this.box = h("div", { class: "mdb-float mdb-column-list", role: "dialog", "aria-label": "Columns", hidden: true },
      h("div", { class: "mdb-search" }, icon("search"), this.search),
      this.items,
      h("div", { class: "mdb-column-all" }, h("button", { class: "mdb-link", type: "button", onclick: () => { this.layout.set({ hidden: [] }); this.paint(); } }, "Show all"), h("button", { class: "mdb-link", type: "button", onclick: () => this.close() }, "Done")));
    this.search.addEventListener("input", () => this.paint());
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.away = (/** @type {Event} */ event) => event.target instanceof Node && !this.box.contains(event.target) && !this.layout.button.contains(event.target) && this.close(false);
  }

  toggle() {
    if (this.isOpen) this.close();
    else this.open();
  }

  open() {
    this.search.value = "";
    this.isOpen = true;
    this.layout.grid.element.append(this.box);
    this.paint();
    float(this.box);
    placeBeside(this.box, this.layout.button, "end");
    this.search.focus({ preventScroll: true });
    document.addEventListener("pointerdown", this.away, true);
  }

  close(back = true) {
    if (!this.isOpen) return;
    this.isOpen = false;
    document.removeEventListener("pointerdown", this.away, true);
    unfloat(this.box);
    this.box.remove();
    if (back) this.layout.grid.view.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const stops = [this.search, ...this.items.querySelectorAll("input")];
    const at = stops.indexOf(/** @type {HTMLInputElement} */ (document.activeElement));
    if (event.key === "Escape") this.close();
    else if (event.key === "ArrowDown") stops[Math.min(stops.length - 1, at + 1)].focus();
    else if (event.key === "ArrowUp") stops[Math.max(0, at - 1)].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  paint() {
    const { grid } = this.layout;
    const hidden = new Set(grid.layout.hidden ?? []);
    const words = this.search.value.trim().toLowerCase();
    const found = grid.all.filter(({ name }) => name.toLowerCase().includes(words));
    this.items.replaceChildren(...found.map(({ name }) => {
      const tick = h("input", { type: "checkbox", checked: !hidden.has(name), onchange: () => this.layout.show(name, tick.checked) });
      return h("label", { class: "mdb-option" }, tick, h("span", { class: "mdb-option-name" }, name));
    }));
  }
}

/** @type {import("./data_grid.js").PartMaker} */
export const layoutPart = (grid) => {
  const layout = new GridLayout(grid);
  return {
    menu: (place) => layout.menu(place),
    key: (event) => layout.key(event),
    paint: () => {
      if (grid.fitted && !layout.fittedWidths) layout.rememberFitted();
      layout.paint();
    },
    opened: () => (layout.fittedWidths = undefined),
    dispose: () => layout.dispose(),
  };
};
