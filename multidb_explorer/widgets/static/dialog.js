/** The question before a write: it names the alias in its colour, the table, the rows. */

import { aliasChip, errorText, focusBack, h, icon, tint, uniqueId } from "./core.js";

/**
 * What the kernel is about to do, as it told the browser.
 * @typedef {object} Plan
 * @property {string} plan its name in the kernel
 * @property {"copy" | "save" | "delete"} action
 * @property {import("./core.js").AliasMark} target the alias that will change
 * @property {import("./core.js").AliasMark} source
 * @property {string} table
 * @property {number} rows
 * @property {string[]} keys the first keys
 * @property {string} key_name
 * @property {boolean} type_alias production: the alias has to be typed
 */

/** @typedef {{label: string, choices: Record<string, unknown>, danger: boolean}} WayOn a second, explicit choice */
/** @typedef {{message: string, ways: WayOn[], differences?: [string, string | null, string | null][], heads?: [string, string]}} Refusal why nothing was written; heads: what the two columns of differences are, where not the two aliases */

/** @type {Record<Plan["action"], {verb: string, way: string, picture: Parameters<typeof icon>[0]}>} */
const ACTIONS = {
  copy: { verb: "Copy", way: "to", picture: "copy" },
  save: { verb: "Save", way: "to", picture: "send" },
  delete: { verb: "Delete", way: "from", picture: "trash" },
};

/** @param {Plan} plan */
export const planTitle = (plan) => {
  const rows = plan.rows === 1 ? "1 row" : `${plan.rows} rows`;
  return `${ACTIONS[plan.action].verb} ${rows}`;
};

/** The first keys as one line: "1, 2, 3 and 17 more". @param {Plan} plan */
export function keyLine({ keys, rows }) {
  const rest = rows - keys.length;
  return rest > 0 ? `${keys.join(", ")} and ${rest} more` : keys.join(", ");
}

export class ConfirmDialog {
  /**
   * @param {HTMLElement} host the panel; everything else in it can't be reached meanwhile
   * @param {Plan} plan
   * @param {(choices: Record<string, unknown>, typed: string) => Promise<Refusal | null>} onyes null when it is done
   * @param {() => void} onclose
   */
  constructor(host, plan, onyes, onclose) {
    this.host = host;
    this.plan = plan;
    this.onyes = onyes;
    this.onclose = onclose;
    this.before = document.activeElement;
    this.busy = false;
    const [titleId, textId] = [uniqueId("title"), uniqueId("text")];
    const { way, picture } = ACTIONS[plan.action];
    this.yes = h("button", { class: `mdb-button ${plan.action === "delete" ? "mdb-danger" : "mdb-primary"}`, type: "button", onclick: () => this.run({}) }, `${planTitle(plan)} ${way} ${plan.target.alias}`);
    this.no = h("button", { class: "mdb-button", type: "button", onclick: () => this.close() }, "Cancel");
    this.typed = h("input", { class: "mdb-input", type: "text", autocomplete: "off", spellcheck: "false", "aria-label": `Type ${plan.target.alias} to go on`, oninput: () => this.check() });
    this.problem = h("div", { class: "mdb-problem", role: "alert", hidden: true });
    this.buttons = h("div", { class: "mdb-buttons" }, this.no, this.yes);
    this.card = h(
      "div",
      { class: "mdb-card", role: "alertdialog", "aria-modal": "true", "aria-labelledby": titleId, "aria-describedby": textId, tabindex: -1 },
      h("h2", { class: "mdb-card-title", id: titleId }, icon(picture), h("span", {}, `${planTitle(plan)} ${way}`), aliasChip(plan.target)),
      h("div", { class: "mdb-card-text", id: textId }, this.facts()),
      plan.type_alias && h("label", { class: "mdb-type" }, h("span", {}, "This is production. Type ", h("b", {}, plan.target.alias), " to go on."), this.typed),
      this.problem,
      this.buttons,
    );
    this.element = h("div", { class: "mdb-veil", onpointerdown: (/** @type {Event} */ event) => event.target === this.element && this.close() }, this.card);
    tint(this.element, plan.target);
    this.card.addEventListener("keydown", (event) => this.key(event));
  }

  facts() {
    const { plan } = this;
    const line = (/** @type {string} */ name, /** @type {any} */ value) => [h("dt", {}, name), h("dd", {}, value)];
    return h(
      "dl",
      { class: "mdb-facts" },
      ...line("Table", plan.table),
      ...(plan.action !== "delete" ? line("From", aliasChip(plan.source)) : []),
      ...line(plan.key_name, h("span", { class: "mdb-keys" }, keyLine(plan))),
    );
  }

  open() {
    for (const other of this.host.children) other.toggleAttribute("inert", true);
    this.host.append(this.element);
    this.check();
    (this.plan.type_alias ? this.typed : this.no).focus({ preventScroll: true });
    this.card.scrollIntoView({ block: "nearest" });
  }

  close() {
    if (this.busy) return;
    for (const other of this.host.children) other.removeAttribute("inert");
    this.element.remove();
    focusBack(this.before, this.host);
    this.onclose();
  }

  /** The row here and the row there, side by side. @param {[string, string | null, string | null][]} differences @param {[string, string]} [heads] */
  compare(differences, heads) {
    const value = (/** @type {string | null} */ text) => h("td", {}, text === null ? h("span", { class: "mdb-null" }, "NULL") : text);
    return h(
      "table",
      { class: "mdb-compare" },
      h("thead", {}, h("tr", {}, h("th"), h("th", { scope: "col" }, heads?.[0] ?? aliasChip(this.plan.source)), h("th", { scope: "col" }, heads?.[1] ?? aliasChip(this.plan.target)))),
      h("tbody", {}, ...differences.map(([column, here, there]) => h("tr", {}, h("th", { scope: "row" }, column), value(here), value(there)))),
    );
  }

  check() {
    const ready = !this.plan.type_alias || this.typed.value === this.plan.target.alias;
    for (const button of this.buttons.querySelectorAll("button")) {
      if (button !== this.no) button.disabled = this.busy || !ready;
    }
    this.no.disabled = this.busy;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    event.stopPropagation();
    if (event.key === "Escape") this.close();
    if (event.key === "Enter" && event.target === this.typed && !this.yes.disabled && this.yes.isConnected) this.run({});
    if (event.key === "Tab") this.keepInside(event);
  }

  /** @param {KeyboardEvent} event */
  keepInside(event) {
    const stops = [...this.card.querySelectorAll("input, button")].filter((node) => !(/** @type {HTMLButtonElement} */ (node).disabled));
    const at = stops.indexOf(/** @type {Element} */ (document.activeElement));
    const next = stops[(at + (event.shiftKey ? -1 : 1) + stops.length) % stops.length];
    event.preventDefault();
    if (next instanceof HTMLElement) next.focus();
  }

  /** @param {Record<string, unknown>} choices */
  async run(choices) {
    this.busy = true;
    this.card.classList.add("mdb-busy");
    this.check();
    /** @type {Refusal | null} */
    let problem;
    try {
      problem = await this.onyes(choices, this.typed.value);
    } catch (error) {
      problem = { message: errorText(error), ways: [] };
    }
    this.busy = false;
    this.card.classList.remove("mdb-busy");
    if (problem) this.explain(problem);
    else this.close();
  }

  /** Say why nothing was written, and offer the ways on that the kernel named. @param {Refusal} refusal */
  explain({ message, ways, differences, heads }) {
    const table = differences?.length ? this.compare(differences, heads) : null;
    this.problem.replaceChildren(icon("warning"), h("div", {}, h("b", {}, "Nothing was written. "), message, ...(table ? [table] : [])));
    this.problem.hidden = false;
    const buttons = ways.map(({ label, choices, danger }) => h("button", { class: `mdb-button${danger ? " mdb-danger" : ""}`, type: "button", onclick: () => this.run(choices) }, label));
    this.buttons.replaceChildren(this.no, ...buttons);
    this.no.textContent = ways.length ? "Cancel" : "Close";
    this.check();
    this.no.focus({ preventScroll: true });
  }
}
