/** The builder of filters: conditions and groups of them, from what the kernel says can be asked. */

import { errorText, h, icon } from "./core.js";
import { Sheet } from "./sheet.js";

/** @typedef {import("./grid_filter.js").FilterItem} FilterItem */
/** @typedef {{name: string, phrase: string, takes: "value" | "values" | "pair" | "truth", example: string}} LookupChoice */
/** @typedef {{name: string, phrase: string, lookups: LookupChoice[]}} PartChoice */
/** @typedef {{field: string, label: string, kind: string, lookups: LookupChoice[], choices?: string[], parts?: PartChoice[]}} FieldChoice */

const DEEPEST = 3;

/**
 * The comparisons of a field, or of a part of it such as its year.
 * @param {FieldChoice | undefined} field
 * @param {string | undefined} part
 * @returns {LookupChoice[]}
 */
export function lookupsOf(field, part) {
  if (!field) return [];
  return (part && field.parts?.find(({ name }) => name === part)?.lookups) || field.lookups;
}

/** Each comparison, and the same denied. @param {LookupChoice[]} lookups @returns {[string, string][]} */
const bothWays = (lookups) => lookups.flatMap(({ name, phrase }) => [[name, phrase], [`!${name}`, name === "isnull" ? "is not NULL" : `not: ${phrase}`]]);

/** Any item as a group: what stands alone is a group of one. @param {FilterItem} item @returns {FilterItem} */
export const asGroup = (item) => (item.items ? structuredClone(item) : { op: "and", items: [structuredClone(item)] });

/** A group of one condition is that condition. @param {FilterItem} item @returns {FilterItem} */
export function simplest(item) {
  if (!item.items || item.not || item.items.length !== 1) return item;
  return simplest(item.items[0]);
}

export class FilterBuilder {
  /** @param {import("./grid_filter.js").GridFilter} filter */
  constructor(filter) {
    this.filter = filter;
    /** @type {FieldChoice[] | null} */
    this.fields = null;
    /** @type {FilterItem} */
    this.root = { op: "and", items: [] };
    /** @type {(item: FilterItem) => Promise<{at: number[], text: string} | null>} */
    this.done = async () => null;
    this.body = h("div", { class: "mdb-build" });
    /** @type {Sheet | null} */
    this.sheet = null;
  }

  /** @param {FilterItem} item @param {(item: FilterItem) => Promise<{at: number[], text: string} | null>} done */
  async open(item, done) {
    const { grid } = this.filter;
    this.root = asGroup(item);
    this.done = done;
    try {
      this.fields ??= (await grid.channel.request("fields")).message.fields;
    } catch (error) {
      grid.say(errorText(error), "bad");
      return;
    }
    const sheet = new Sheet(grid.element, { title: "Filter", icon: "filter" });
    this.sheet = sheet;
    sheet.element.classList.add("mdb-build-sheet");
    sheet.body.append(this.body);
    sheet.buttons.append(
      h("button", { class: "mdb-button", type: "button", onclick: () => sheet.close() }, "Cancel"),
      h("button", { class: "mdb-button mdb-primary", type: "submit" }, "Apply"),
    );
    sheet.form.addEventListener("submit", () => this.apply());
    this.paint();
    sheet.open(this.body.querySelector("select") ?? undefined);
  }

  get isOpen() {
    return Boolean(this.sheet?.element.open);
  }

  close() {
    this.sheet?.close();
  }

  async apply() {
    const wrong = await this.done(simplest(this.root));
    if (!wrong) {
      this.close();
      return;
    }
    this.sheet?.say(wrong.text, "bad");
    const path = this.root === simplest(this.root) ? wrong.at.slice(1) : [0, ...wrong.at.slice(1)];
    this.body.querySelector(`[data-path="${path.join("-")}"]`)?.classList.add("mdb-build-wrong");
  }

  paint() {
    const held = document.activeElement instanceof HTMLElement && this.body.contains(document.activeElement) ? document.activeElement.dataset.hold : undefined;
    this.body.replaceChildren(this.group(this.root, []));
    if (held) /** @type {HTMLElement | null} */ (this.body.querySelector(`[data-hold="${held}"]`))?.focus({ preventScroll: true });
  }

  // ------------------------------------------------------------------ groups and conditions

  /** @param {FilterItem} group @param {number[]} path @param {() => void} [remove] @returns {HTMLElement} */
  group(group, path, remove) {
    const items = group.items ?? [];
    const change = (/** @type {() => void} */ act) => () => {
      act();
      this.paint();
    };
    const name = path.length ? "Group" : "Conditions";
    const add = (/** @type {FilterItem} */ item) => change(() => items.push(item));
    const connector = h("select", { class: "mdb-input", "aria-label": `${name}: how they combine`, "data-hold": `${path.join("-")}op`, onchange: (/** @type {Event} */ event) => this.combine(group, event) },
      ...[["and", "all of these"], ["or", "any of these"], ["not and", "not all of these"], ["not or", "none of these"]].map(([value, text]) => h("option", { value, selected: value === `${group.not ? "not " : ""}${group.op}` }, text)));
    return h(
      "div",
      { class: "mdb-build-group", role: "group", "aria-label": name, "data-path": path.join("-") },
      h("div", { class: "mdb-build-head" }, connector, remove && this.remover("Remove this group", remove)),
      ...items.map((item, at) => {
        const gone = change(() => items.splice(at, 1));
        return item.items ? this.group(item, [...path, at], gone) : this.condition(item, [...path, at], gone);
      }),
      h(
        "div",
        { class: "mdb-build-add" },
        h("button", { class: "mdb-link", type: "button", "data-hold": `${path.join("-")}add`, onclick: add(this.fresh()) }, "+ Condition"),
        path.length < DEEPEST && h("button", { class: "mdb-link", type: "button", onclick: add({ op: group.op === "and" ? "or" : "and", items: [this.fresh()] }) }, "+ Group"),
      ),
    );
  }

  /** @returns {FilterItem} */
  fresh() {
    return { field: this.fields?.[0]?.field, lookup: "exact", value: "" };
  }

  /** @param {FilterItem} group @param {Event} event */
  combine(group, event) {
    const words = /** @type {HTMLSelectElement} */ (event.target).value.split(" ");
    group.op = words[words.length - 1];
    group.not = words.length > 1;
  }

  /** @param {string} label @param {() => void} run */
  remover(label, run) {
    return h("button", { class: "mdb-tool", type: "button", title: label, "aria-label": label, onclick: run }, icon("close"));
  }

  /** @param {FilterItem} item @param {number[]} path @param {() => void} remove */
  condition(item, path, remove) {
    /** @type {FieldChoice[]} */
    const fields = this.fields ?? [];
    const field = fields.find((choice) => choice.field === item.field) ?? fields[0];
    item.field = field?.field;
    const lookups = lookupsOf(field, item.part);
    const lookup = lookups.find(({ name }) => name === item.lookup) ?? lookups[0];
    item.lookup = lookup?.name;
    const hold = path.join("-");
    const pick = (/** @type {string} */ what, /** @type {string} */ label, /** @type {[string, string][]} */ options, /** @type {string} */ now, /** @type {(value: string) => void} */ take) =>
      h("select", { class: `mdb-input mdb-build-${what}`, "aria-label": label, "data-hold": `${hold}${what}`, onchange: (/** @type {Event} */ event) => { take(/** @type {HTMLSelectElement} */ (event.target).value); this.paint(); } },
        ...options.map(([value, text]) => h("option", { value, selected: value === now }, text)));
    const parts = field?.parts ?? [];
    return h(
      "div",
      { class: "mdb-build-line", "data-path": hold },
      pick("field", "Field", fields.map((choice) => [choice.field, choice.label]), item.field ?? "", (value) => { item.field = value; delete item.part; item.value = ""; }),
      parts.length > 0 && pick("part", "Part of it", [["", "itself"], ...parts.map(({ name, phrase }) => /** @type {[string, string]} */ ([name, phrase]))], item.part ?? "", (value) => { if (value) item.part = value; else delete item.part; item.value = ""; }),
      pick("lookup", "Comparison", bothWays(lookups), `${item.not ? "!" : ""}${item.lookup}`, (value) => this.compare(item, value)),
      ...this.values(item, lookup, field, hold),
      this.remover("Remove this condition", remove),
    );
  }

  /** @param {FilterItem} item @param {string} value */
  compare(item, value) {
    item.not = value.startsWith("!");
    item.lookup = value.replace(/^!/, "");
    if (Array.isArray(item.value) !== (item.lookup === "range")) item.value = item.lookup === "range" ? ["", ""] : "";
  }

  /** @param {FilterItem} item @param {LookupChoice | undefined} lookup @param {FieldChoice | undefined} field @param {string} hold @returns {HTMLElement[]} */
  values(item, lookup, field, hold) {
    if (!lookup) return [];
    if (lookup.takes === "truth") {
      item.value = true;
      return [];
    }
    const box = (/** @type {string} */ now, /** @type {string} */ label, /** @type {string} */ hint, /** @type {(text: string) => void} */ take) => {
      if (lookup.takes === "value" && field?.choices && lookup.name === "exact") return choiceOf(field.choices, now, take);
      const input = h("input", { class: "mdb-input mdb-build-value", type: "text", "aria-label": label, placeholder: hint, autocomplete: "off", spellcheck: "false", "data-hold": `${hold}${label}` });
      input.value = now;
      input.addEventListener("input", () => take(input.value));
      return input;
    };
    if (lookup.takes !== "pair") return [box(String(item.value ?? ""), "Value", lookup.example, (text) => (item.value = text))];
    const pair = Array.isArray(item.value) ? item.value : (item.value = ["", ""]);
    const [low, high] = lookup.example.split(" .. ");
    return [box(pair[0], "Lowest", low, (text) => (pair[0] = text)), h("span", {}, "and"), box(pair[1], "Highest", high, (text) => (pair[1] = text))];
  }
}

/** @param {string[]} choices @param {string} now @param {(text: string) => void} take */
function choiceOf(choices, now, take) {
  const options = now && !choices.includes(now) ? [now, ...choices] : choices;
  const select = h("select", { class: "mdb-input mdb-build-value", "aria-label": "Value" }, ...options.map((choice) => h("option", { value: choice, selected: choice === now }, choice)));
  if (!now) take(options[0]);
  select.addEventListener("change", () => take(select.value));
  return select;
}
