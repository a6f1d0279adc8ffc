/** A row of tabs and their panels, as ARIA describes them: one tab stop, arrows move and show at once. */

import { h, uniqueId } from "./core.js";

/** The tab that a key leads to, going round; null for other keys. @param {string} key @param {number} at @param {number} count */
export function tabAfter(key, at, count) {
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (key !== "ArrowRight" && key !== "ArrowLeft") return null;
  return (at + (key === "ArrowRight" ? 1 : count - 1)) % count;
}

export class TabBar {
  /**
   * @param {string} label
   * @param {{name: string, label: string}[]} tabs
   * @param {(name: string) => void} onpick
   */
  constructor(label, tabs, onpick) {
    this.names = tabs.map(({ name }) => name);
    this.onpick = onpick;
    this.current = "";
    const id = uniqueId("tab");
    this.buttons = tabs.map((tab) => h(
      "button",
      { class: "mdb-tab", type: "button", role: "tab", id: `${id}-${tab.name}`, "data-tab": tab.name, "aria-controls": `${id}-${tab.name}-panel`, onclick: () => this.onpick(tab.name) },
      tab.label,
    ));
    this.panels = tabs.map((tab) => h("div", { class: "mdb-tab-panel", role: "tabpanel", id: `${id}-${tab.name}-panel`, "aria-labelledby": `${id}-${tab.name}`, hidden: true }));
    this.element = h("div", { class: "mdb-tabs", role: "tablist", "aria-label": label, onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event) }, ...this.buttons);
    this.show(this.names[0]);
  }

  /** @param {string} name */
  panel(name) {
    return this.panels[this.names.indexOf(name)];
  }

  /** @param {string} name */
  show(name) {
    this.current = name;
    this.names.forEach((each, at) => {
      const chosen = each === name;
      this.buttons[at].setAttribute("aria-selected", String(chosen));
      this.buttons[at].tabIndex = chosen ? 0 : -1;
      this.panels[at].hidden = !chosen;
    });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const next = tabAfter(event.key, this.names.indexOf(this.current), this.names.length);
    if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.buttons[next].focus();
    this.onpick(this.names[next]);
  }
}
