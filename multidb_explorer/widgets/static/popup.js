/** A floating list of aliases: the listbox of the picker and the menus that choose where rows or changes go. */

import { float, h, icon, placeBeside, tint, uniqueId, unfloat } from "./core.js";

/** @typedef {import("./core.js").AliasMark} AliasMark */
/** @typedef {{answers: boolean | null, text: string, ms?: number}} Health whether a database answers, and how soon */
/** @typedef {{mark: AliasMark, selected?: boolean, refused?: string, health?: Health}} Choice refused: why it can't be chosen */

export const SEARCH_FROM = 11;
const TYPING_PAUSE = 700;

/**
 * The choices whose alias, label or engine contains every word of the text.
 * @param {Choice[]} choices
 * @param {string} text
 */
export function matching(choices, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return choices.filter(({ mark }) => {
    const hay = `${mark.alias} ${mark.label} ${mark.engine}`.toLowerCase();
    return words.every((word) => hay.includes(word));
  });
}

/**
 * The next choice that begins with what was typed, going round.
 * @param {Choice[]} choices
 * @param {string} typed
 * @param {number} from
 */
export function typeAhead(choices, typed, from) {
  const start = typed.length > 1 ? from : from + 1;
  for (let step = 0; step < choices.length; step += 1) {
    const at = (start + step) % choices.length;
    if (choices[at].mark.alias.toLowerCase().startsWith(typed.toLowerCase())) return at;
  }
  return from;
}

/** "3 ms", or that nobody answers; the words behind it are those of the database. @param {Health} health */
export function healthMark({ answers, text, ms }) {
  const words = answers ? `${ms} ms` : answers === false ? "no answer" : "asks";
  return h("span", { class: "mdb-health", "data-answers": String(answers), title: text }, answers === false && icon("warning"), words);
}

export class AliasList {
  /**
   * @param {HTMLElement} anchor the button that the list belongs to
   * @param {{role: "listbox" | "menu", label: string, side?: "start" | "end", onpick: (alias: string) => void, more?: {label: string, onpick: () => void}}} options
   *   more: what else can be done, as the last entry
   */
  constructor(anchor, options) {
    this.anchor = anchor;
    this.options = options;
    this.id = uniqueId("list");
    /** @type {Choice[]} */
    this.choices = [];
    /** @type {Choice[]} */
    this.shown = [];
    this.at = -1;
    this.typed = "";
    this.typedAt = 0;
    this.isOpen = false;
    this.search = h("input", { class: "mdb-input", type: "text", placeholder: "Search", role: "combobox", "aria-expanded": "true", "aria-controls": this.id, "aria-label": `${options.label}: search`, autocomplete: "off" });
    this.searchBox = h("div", { class: "mdb-search" }, icon("search"), this.search);
    this.list = h("div", { class: "mdb-options", id: this.id, role: options.role, "aria-label": options.label, tabindex: -1 });
    this.box = h("div", { class: "mdb-float", hidden: true }, this.searchBox, this.list);
    this.search.addEventListener("input", () => this.filter());
    for (const node of [this.search, this.list]) node.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.click(event));
    this.list.addEventListener("pointermove", (event) => this.hover(event));
    this.away = (/** @type {Event} */ event) => this.leave(event);
    this.moved = (/** @type {Event} */ event) => this.follow(event);
  }

  /** The element that holds the focus and names the active option. */
  get holder() {
    if (!this.searchBox.hidden) return this.search;
    return this.options.role === "menu" ? this.list : this.anchor;
  }

  /** Whether the place is what else can be done, behind all aliases. */
  get isOnMore() {
    return Boolean(this.options.more) && this.at === this.shown.length;
  }

  /** @param {Choice[]} choices */
  open(choices) {
    this.choices = choices;
    this.search.value = "";
    this.searchBox.hidden = choices.length < SEARCH_FROM;
    this.isOpen = true;
    this.anchor.setAttribute("aria-expanded", "true");
    this.filter();
    float(this.box);
    placeBeside(this.box, this.anchor, this.options.side);
    this.holder.focus({ preventScroll: true });
    this.mark();
    document.addEventListener("pointerdown", this.away, true);
    document.addEventListener("scroll", this.moved, true);
    window.addEventListener("resize", this.moved);
  }

  /** Newer choices while the list is open: the position stays where it can. @param {Choice[]} choices */
  renew(choices) {
    this.choices = choices;
    if (!this.isOpen) return;
    const onMore = this.isOnMore;
    this.filter(this.shown[this.at]?.mark.alias);
    if (onMore) this.go(this.shown.length);
  }

  /** @param {boolean} [refocus] */
  close(refocus = false) {
    if (!this.isOpen) return;
    this.isOpen = false;
    unfloat(this.box);
    this.anchor.setAttribute("aria-expanded", "false");
    this.anchor.removeAttribute("aria-activedescendant");
    document.removeEventListener("pointerdown", this.away, true);
    document.removeEventListener("scroll", this.moved, true);
    window.removeEventListener("resize", this.moved);
    if (refocus) this.anchor.focus({ preventScroll: true });
  }

  /** @param {Event} event */
  leave(event) {
    const inside = event.target instanceof Node && (this.box.contains(event.target) || this.anchor.contains(event.target));
    if (!inside) this.close();
  }

  /** Outputs above may grow and move the button: the list goes with it, until it is out of sight. @param {Event} event */
  follow(event) {
    if (event.target instanceof Node && this.box.contains(event.target)) return;
    const { top, bottom } = this.anchor.getBoundingClientRect();
    if (bottom < 0 || top > window.innerHeight) this.close();
    else placeBeside(this.box, this.anchor, this.options.side);
  }

  /** @param {string} [keep] the alias to stay on */
  filter(keep) {
    this.shown = matching(this.choices, this.search.value);
    const at = this.shown.findIndex(({ mark, selected }) => (keep ? mark.alias === keep : selected));
    this.at = at >= 0 ? at : this.shown.findIndex(({ refused }) => !refused);
    this.list.replaceChildren(...this.shown.map((choice, index) => this.option(choice, index)));
    if (!this.shown.length) this.list.append(h("div", { class: "mdb-option-none" }, this.choices.length ? "No alias matches" : "No aliases are configured"));
    if (this.options.more) this.list.append(this.moreOption(this.options.more.label));
    this.mark();
  }

  /** @param {Choice} choice @param {number} index */
  option({ mark, selected, refused, health }, index) {
    const isMenu = this.options.role === "menu";
    const note = refused ?? mark.engine;
    const node = h(
      "div",
      {
        class: "mdb-option", id: `${this.id}-${index}`, role: isMenu ? "menuitem" : "option", "data-alias": mark.alias,
        "aria-selected": isMenu ? undefined : String(Boolean(selected)), "aria-disabled": refused ? "true" : undefined,
      },
      h("span", { class: "mdb-dot" }),
      h("span", { class: "mdb-option-name" }, mark.alias),
      mark.label !== mark.alias && h("span", { class: "mdb-option-label" }, mark.label),
      h("span", { class: "mdb-option-note" }, note),
      health && healthMark(health),
      mark.confirm === "production" && h("span", { class: "mdb-production-word" }, "production"),
      mark.read_only && icon("lock"),
      selected && icon("check"),
    );
    tint(node, mark);
    return node;
  }

  /** @param {string} label */
  moreOption(label) {
    const role = this.options.role === "menu" ? "menuitem" : "option";
    return h("div", { class: "mdb-option mdb-option-more", id: `${this.id}-${this.shown.length}`, role, "aria-selected": role === "option" ? "false" : undefined }, icon("plus"), h("span", { class: "mdb-option-name" }, label));
  }

  get optionNodes() {
    return [...this.list.querySelectorAll(".mdb-option")];
  }

  mark() {
    this.optionNodes.forEach((node, index) => {
      node.classList.toggle("mdb-here", index === this.at);
      if (index === this.at && this.isOpen) node.scrollIntoView({ block: "nearest" });
    });
    if (this.at >= 0) this.holder.setAttribute("aria-activedescendant", `${this.id}-${this.at}`);
    else this.holder.removeAttribute("aria-activedescendant");
  }

  /** @param {number} at */
  go(at) {
    const count = this.shown.length + (this.options.more ? 1 : 0);
    if (!count) return;
    this.at = Math.max(0, Math.min(at, count - 1));
    this.mark();
  }

  /** @param {Event} event */
  indexOf(event) {
    const node = event.target instanceof Element ? event.target.closest(".mdb-option") : null;
    return node ? this.optionNodes.indexOf(node) : -1;
  }

  /** @param {Event} event */
  hover(event) {
    const at = this.indexOf(event);
    if (at >= 0 && at !== this.at) this.go(at);
  }

  /** @param {Event} event */
  click(event) {
    this.at = this.indexOf(event);
    this.pick();
  }

  pick() {
    const { more } = this.options;
    if (more && this.isOnMore) {
      this.close(true);
      more.onpick();
      return;
    }
    const choice = this.shown[this.at];
    if (!choice || choice.refused) return;
    this.close(true);
    this.options.onpick(choice.mark.alias);
  }

  /** Keys while the list is open. @param {KeyboardEvent} event @returns {boolean} whether it was ours */
  key(event) {
    const handled = this.isOpen && !event.ctrlKey && !event.metaKey && !event.altKey && this.act(event);
    if (handled) {
      event.preventDefault();
      event.stopPropagation();
    }
    return handled;
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  act(event) {
    const typing = event.target === this.search;
    switch (event.key) {
      case "ArrowDown": this.go(this.at + 1); return true;
      case "ArrowUp": this.go(this.at - 1); return true;
      case "Enter": this.pick(); return true;
      case "Escape": this.close(true); return true;
      case "Tab": this.close(true); return false;
      default: break;
    }
    if (typing) return false;
    if (event.key === "Home") this.go(0);
    else if (event.key === "End") this.go(this.shown.length);
    else if (event.key === " " && !this.typed) this.pick();
    else if (event.key.length === 1) this.type(event.key);
    else return false;
    return true;
  }

  /** @param {string} letter */
  type(letter) {
    const now = performance.now();
    this.typed = now - this.typedAt < TYPING_PAUSE ? this.typed + letter : letter;
    this.typedAt = now;
    this.go(typeAhead(this.shown, this.typed, this.at));
    setTimeout(() => {
      if (performance.now() - this.typedAt >= TYPING_PAUSE) this.typed = "";
    }, TYPING_PAUSE + 10);
  }
}
