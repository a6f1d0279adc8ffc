/** Filters: a row of them under the header, chips of those that hold, and the way into the builder. */

import { errorText, h, icon } from "./core.js";
import { FilterBuilder } from "./filter_builder.js";

/** @typedef {import("./columns.js").Column} Column */
/**
 * One condition as the kernel reads it; see controllers/filtering.py.
 * @typedef {{field?: string, text?: string, lookup?: string, part?: string, value?: any, not?: boolean, op?: string, items?: FilterItem[], label?: string}} FilterItem
 */

const TYPING_STOPS = 450;

/** What a text column takes, and what all the others do. @type {Record<string, [string, string]>} */
const HINTS = {
  text: ["contains…", "Contains what is typed. =x is · !x not · ^x starts · x$ ends · /x/ matches · NULL · !NULL"],
  order: ["= > < a..b", "Is what is typed. > < >= <= · a..b between · a, b one of · !x not · NULL · !NULL"],
  date: ["2026-11…", "A date, month or year. > < >= <= · a..b between · a, b one of · !x not · NULL · !NULL"],
  list: ["is…", "Is what is typed. a, b one of · !x not · NULL · !NULL"],
};

/** @param {string} kind */
export function filterHint(kind) {
  if (kind === "text" || kind === "json" || kind === "other" || kind === "any") return HINTS.text;
  if (kind === "date" || kind === "timestamp") return HINTS.date;
  return ["integer", "float", "decimal", "time", "interval"].includes(kind) ? HINTS.order : HINTS.list;
}

/** The texts above the columns as items, in the order of the columns, behind the items that came from elsewhere. @param {FilterItem[]} others @param {Map<string, string>} texts @param {Column[]} columns @returns {FilterItem[]} */
export function filterItems(others, texts, columns) {
  const typed = columns.flatMap(({ name }) => (texts.get(name)?.trim() ? [{ field: name, text: texts.get(name) }] : []));
  return [...others, ...typed];
}

export class GridFilter {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    this.possible = false;
    /** What holds, as the kernel told it. @type {FilterItem[]} */
    this.items = [];
    /** What stands above each column. @type {Map<string, string>} */
    this.texts = new Map();
    /** @type {Map<string, HTMLInputElement | HTMLSelectElement>} */
    this.boxes = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.cells = new Map();
    /** @type {any} */
    this.timer = undefined;
    this.asked = 0;
    this.chips = h("div", { class: "mdb-chips", role: "group", "aria-label": "Filters", hidden: true });
    this.problem = h("div", { class: "mdb-filter-wrong", role: "alert", hidden: true });
    grid.top.append(this.chips);
    this.button = h("button", { class: "mdb-tool mdb-filter-button", type: "button", title: "Build a filter", "aria-label": "Build a filter", tabindex: -1, onclick: () => this.build() }, icon("filter"));
    this.builder = new FilterBuilder(this);
  }

  // ------------------------------------------------------------------ what the grid tells

  /** @param {import("./data_grid.js").Opening} opening */
  opened(opening) {
    this.boxes.clear();
    this.cells.clear();
    this.texts.clear();
    this.builder.fields = null;
    this.take(opening.parts?.filter ?? { items: [], possible: false });
  }

  /** @param {any} state */
  renewed(state) {
    if (state?.parts?.filter) this.take(state.parts.filter);
  }

  /** @param {{items: FilterItem[], possible: boolean}} state */
  take({ items, possible }) {
    const { grid } = this;
    this.items = items;
    this.possible = possible;
    const typed = new Map(items.flatMap((item) => (item.field !== undefined && item.text !== undefined ? [[item.field, item.text]] : [])));
    for (const [name, box] of this.boxes) if (box !== document.activeElement) box.value = shownText(box, typed.get(name) ?? "");
    this.texts = typed;
    if ((grid.header.below !== null) !== possible) {
      grid.header.showBelow("filter", possible ? (column) => this.cellOf(column) : null);
      grid.header.belowCorner.firstElementChild?.replaceWith(this.button);
    }
    this.paintChips();
    this.complain(null);
    grid.emptyNotice = items.length ? { look: "empty", title: "No row fits", text: items.map(({ label }) => label).join("\n"), action: "Clear the filters", onaction: () => this.apply([]) } : null;
  }

  // ------------------------------------------------------------------ the row

  /** @param {Column} column @returns {HTMLElement} */
  cellOf(column) {
    const known = this.cells.get(column.name);
    if (known) return known;
    const box = column.kind === "boolean" || column.choices?.length ? this.choiceBox(column) : this.textBox(column);
    box.value = shownText(box, this.texts.get(column.name) ?? "");
    box.addEventListener("keydown", (event) => this.key(/** @type {KeyboardEvent} */ (event), column));
    this.boxes.set(column.name, box);
    const cell = h("div", { class: "mdb-filter-cell", role: "gridcell" }, box);
    this.cells.set(column.name, cell);
    return cell;
  }

  /** @param {Column} column */
  textBox(column) {
    const [placeholder, title] = filterHint(column.kind);
    const box = h("input", { class: "mdb-input", type: "text", placeholder, title, "aria-label": `Filter ${column.name}`, tabindex: -1, autocomplete: "off", spellcheck: "false" });
    box.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.typed(column, box.value), TYPING_STOPS);
    });
    box.addEventListener("change", () => this.typed(column, box.value));
    return box;
  }

  /** @param {Column} column */
  choiceBox(column) {
    const options = column.kind === "boolean" ? [["true", "✓ true"], ["false", "✗ false"]] : (column.choices ?? []).map((choice) => [`="${choice}"`, choice]);
    const more = column.nullable ? [["NULL", "NULL"], ["!NULL", "not NULL"]] : [];
    const box = h("select", { class: "mdb-input", "aria-label": `Filter ${column.name}`, tabindex: -1 }, ...[["", "any"], ...options, ...more].map(([value, text]) => h("option", { value }, text)));
    box.addEventListener("change", () => this.typed(column, box.value));
    return box;
  }

  /** @param {Column} column @param {string} text */
  typed(column, text) {
    clearTimeout(this.timer);
    if ((this.texts.get(column.name) ?? "") === text) return;
    // What was typed above another column a moment ago is meant too.
    for (const [name, box] of this.boxes) if (box.value) this.texts.set(name, box.value);
    this.texts.set(column.name, text);
    this.apply(filterItems(this.others, this.texts, this.grid.all));
  }

  /** Items that don't stand above a column. */
  get others() {
    return this.items.filter(({ text }) => text === undefined);
  }

  /** @param {KeyboardEvent} event @param {Column} column */
  key(event, column) {
    const { grid } = this;
    const box = this.boxes.get(column.name);
    const at = grid.columns.findIndex(({ name }) => name === column.name);
    const select = box instanceof HTMLSelectElement;
    if (event.key === "Enter" && box) this.typed(column, box.value);
    else if (event.key === "Escape" || (event.key === "ArrowDown" && !select && !event.altKey)) this.leave(at);
    else if (event.key === "Tab" && grid.columns[at + (event.shiftKey ? -1 : 1)]) this.enter(at + (event.shiftKey ? -1 : 1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Go into the filter of a column. @param {number} at */
  enter(at) {
    const { grid } = this;
    grid.active = grid.corner = { row: -1, column: at };
    grid.hasActive = true;
    grid.reveal();
    grid.paint();
    const box = this.boxes.get(grid.columns[at].name);
    box?.focus({ preventScroll: true });
    if (box instanceof HTMLInputElement) box.select();
  }

  /** @param {number} at */
  leave(at) {
    const { grid } = this;
    grid.view.focus({ preventScroll: true });
    if (grid.length) grid.moveTo(grid.firstRow, at, false);
  }

  // ------------------------------------------------------------------ asking the kernel

  /** Ask for the rows that fit; where the kernel can't read a value, the words stand beside it and nothing changes. @param {FilterItem[]} items @returns {Promise<{at: number[], text: string} | null>} what is wrong */
  async apply(items) {
    const { grid } = this;
    this.asked += 1;
    const asked = this.asked;
    try {
      const { message } = await grid.channel.request("filter", { epoch: grid.store.epoch + 1, items });
      if (asked !== this.asked) return null;
      if (message.wrong) {
        // The builder says it itself.
        if (!this.builder.isOpen) this.complain({ ...message.wrong, item: items[message.wrong.at[0]] });
        return message.wrong;
      }
      if (message.epoch > grid.store.epoch) {
        grid.y = 0;
        grid.renew({ ...message, parts: { filter: { items: message.items, possible: message.possible } } });
      }
      grid.order.firstRows = message.first_rows;
      if (grid.order.firstRows === null && !grid.order.sorting) grid.order.close();
    } catch (error) {
      grid.say(errorText(error), "bad");
    }
    return null;
  }

  /** @param {{text: string, item: FilterItem | undefined} | null} wrong */
  complain(wrong) {
    const at = wrong?.item?.text === undefined ? undefined : wrong.item.field;
    for (const [name, box] of this.boxes) {
      box.classList.toggle("mdb-bad", name === at);
      if (name === at) box.setAttribute("aria-invalid", "true");
      else box.removeAttribute("aria-invalid");
    }
    this.problem.hidden = wrong === null;
    this.problem.remove();
    if (!wrong) return;
    this.problem.replaceChildren(icon("warning"), h("span", {}, at === undefined ? wrong.text : `${at}: ${wrong.text}`));
    this.grid.top.append(this.problem);
  }

  /** Rows with the value of a cell, or the others. @param {number} row @param {number} column @param {boolean} dropped */
  async same(row, column, dropped) {
    const { grid } = this;
    try {
      const { message } = await grid.channel.request("same", { epoch: grid.store.epoch, row, column: grid.columns[column].name, not: dropped });
      await this.apply([...this.items, message.item]);
    } catch (error) {
      grid.say(errorText(error), "bad");
    }
  }

  // ------------------------------------------------------------------ chips and menus

  paintChips() {
    const { items } = this;
    this.chips.hidden = items.length === 0;
    this.chips.replaceChildren(
      icon("filter"),
      ...items.map((item, at) => h(
        "span",
        { class: "mdb-filter-chip" },
        h("button", { class: "mdb-chip-text", type: "button", title: "Change this filter", onclick: () => this.edit(item, at) }, item.label ?? ""),
        h("button", { class: "mdb-chip-close", type: "button", title: "Remove this filter", "aria-label": `Remove the filter ${item.label}`, onclick: () => this.remove(at) }, icon("close")),
      )),
      items.length > 1 ? h("button", { class: "mdb-link", type: "button", onclick: () => this.apply([]) }, "Clear all") : "",
    );
  }

  /** @param {number} at */
  remove(at) {
    this.grid.view.focus({ preventScroll: true });
    this.apply(this.items.filter((_, other) => other !== at));
  }

  /** @param {FilterItem} item @param {number} at */
  edit(item, at) {
    const column = this.grid.columns.findIndex(({ name }) => name === item.field);
    if (item.text !== undefined && column >= 0) this.enter(column);
    else this.builder.open(item, (made) => this.apply(this.items.map((other, place) => (place === at ? made : other))));
  }

  /** @param {string} [field] */
  build(field) {
    const item = { op: "and", items: [{ field: field ?? this.grid.columns[Math.max(0, this.grid.active.column)]?.name, lookup: "exact", value: "" }] };
    this.builder.open(item, (made) => this.apply([...this.items, made]));
  }

  /** @param {import("./grid_menu.js").MenuPlace} place @returns {import("./grid_menu.js").MenuItem[]} */
  menu({ kind, row, column }) {
    if (!this.possible || kind === "row") return [];
    const { name } = this.grid.columns[column];
    const group = "filter";
    const clear = this.items.length ? [{ label: "Clear all filters", group, run: () => this.apply([]) }] : [];
    if (kind === "column") {
      return [
        { label: `Filter ${name}`, keys: "Ctrl+Shift+F", icon: "filter", group, run: () => this.enter(column) },
        { label: "Build a filter …", group, run: () => this.build(name) },
        ...clear,
      ];
    }
    return [
      { label: "Only this value", icon: "filter", group, run: () => this.same(row, column, false) },
      { label: "Without this value", group, run: () => this.same(row, column, true) },
      ...clear,
    ];
  }

  /** @param {KeyboardEvent} event */
  key_(event) {
    return (event.ctrlKey || event.metaKey) && event.shiftKey && event.key.toLowerCase() === "f";
  }

  dispose() {
    clearTimeout(this.timer);
    this.builder.close();
  }
}

/** A choice box shows what it has a choice for. @param {HTMLElement} box @param {string} text */
function shownText(box, text) {
  if (!(box instanceof HTMLSelectElement)) return text;
  return [...box.options].some(({ value }) => value === text) ? text : "";
}

/** @type {import("./data_grid.js").PartMaker} */
export const filterPart = (grid) => {
  const filter = new GridFilter(grid);
  return {
    opened: (opening) => filter.opened(opening),
    renewed: (state) => filter.renewed(state),
    menu: (place) => filter.menu(place),
    key: (event) => {
      if (!filter.possible || !filter.key_(event)) return false;
      filter.enter(Math.max(0, grid.active.column));
      return true;
    },
    dispose: () => filter.dispose(),
  };
};
