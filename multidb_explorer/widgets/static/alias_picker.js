/** The dropdown that chooses a database by its alias. */

import { Channel, errorText, guardShortcuts, h, icon, tint, uniqueId } from "./core.js";
import { AliasList } from "./popup.js";
import { AliasDialog } from "./alias_dialog.js";

/** @typedef {import("./core.js").AliasMark} AliasMark */

/** Milliseconds for which an answer counts. */
const HEALTH_LASTS = 20_000;

export class Picker {
  /**
   * @param {Channel} channel
   * @param {{label: string, choices: AliasMark[], value: string | null, showLabel?: boolean, onchosen?: (alias: string) => void}} options
   */
  constructor(channel, options) {
    this.channel = channel;
    this.options = options;
    this.choices = options.choices;
    this.value = options.value;
    /** @type {Map<string, {asked: number, found?: import("./popup.js").Health}>} */
    this.health = new Map();
    const labelId = uniqueId("label");
    const label = h("span", { class: options.showLabel ? "mdb-label" : "mdb-hidden", id: labelId }, options.label);
    this.button = h("button", {
      class: "mdb-picker-button", type: "button", role: "combobox", "aria-haspopup": "listbox", "aria-expanded": "false", "aria-labelledby": labelId,
      onclick: () => (this.list.isOpen ? this.list.close() : this.open()),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
    });
    this.list = new AliasList(this.button, { role: "listbox", label: options.label, onpick: (alias) => this.choose(alias), more: { label: "Add an alias…", onpick: () => this.add() } });
    this.button.setAttribute("aria-controls", this.list.id);
    this.error = h("div", { class: "mdb-picker-error", role: "alert", hidden: true });
    this.element = h("div", { class: "mdb-picker" }, label, this.button, this.error, this.list.box);
    this.paint();
  }

  /** @param {string | null} value */
  show(value) {
    this.value = value;
    this.error.hidden = true;
    this.paint();
  }

  /** @param {AliasMark[]} choices */
  offer(choices) {
    this.choices = choices;
    this.list.renew(this.items());
    this.paint();
  }

  items() {
    return this.choices.map((mark) => ({ mark, selected: mark.alias === this.value, health: this.health.get(mark.alias)?.found }));
  }

  /** Ask each database how it is, in the background, and not all the time. */
  askHealth() {
    for (const { alias } of this.choices) {
      if (performance.now() - (this.health.get(alias)?.asked ?? -Infinity) < HEALTH_LASTS) continue;
      this.health.set(alias, { asked: performance.now(), found: this.health.get(alias)?.found });
      this.channel.request("health", { alias }, { background: true }).then(
        ({ message }) => {
          this.health.set(alias, { asked: performance.now(), found: message });
          this.list.renew(this.items());
        },
        () => this.health.delete(alias),
      );
    }
  }

  paint() {
    const mark = this.choices.find(({ alias }) => alias === this.value);
    const name = mark ? [
      h("span", { class: "mdb-dot" }),
      h("span", { class: "mdb-picker-name" }, mark.alias),
      mark.label !== mark.alias && h("span", { class: "mdb-option-label" }, mark.label),
      h("span", { class: "mdb-option-note" }, mark.engine),
      mark.read_only && icon("lock"),
    ] : [h("span", { class: "mdb-placeholder" }, this.value ?? "Choose a database")];
    this.button.replaceChildren(...name.filter((node) => node instanceof Node), this.busy ? h("span", { class: "mdb-spinner" }) : icon("chevron"));
    this.button.title = mark ? `${mark.label} · ${mark.engine}${mark.read_only ? " · read-only" : ""}` : "";
    tint(this.button, mark);
  }

  /** The list opens at once with what is known, and is renewed when the kernel answers. */
  open() {
    this.list.open(this.items());
    this.channel.request("aliases").then(({ message }) => {
      this.offer(message.choices);
      this.askHealth();
    }, (error) => this.fail(error));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (this.list.key(event) || this.list.isOpen) return;
    const letter = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp" && !letter) return;
    event.preventDefault();
    event.stopPropagation();
    this.open();
    if (letter) this.list.type(event.key);
  }

  /** The kernel connects before it agrees; until then the old alias stays. @param {string} alias */
  async choose(alias) {
    if (alias === this.value && this.error.hidden) return;
    this.busy = true;
    this.error.hidden = true;
    this.paint();
    try {
      const { message } = await this.channel.request("choose", { alias }, { background: true });
      this.busy = false;
      this.show(message.alias);
      this.options.onchosen?.(message.alias);
    } catch (error) {
      this.busy = false;
      this.fail(/** @type {Error} */ (error));
    }
  }

  /** @param {Error} error */
  fail(error) {
    this.error.replaceChildren(icon("warning"), h("span", {}, errorText(error)));
    this.error.hidden = false;
    this.paint();
  }

  /** Describe a new alias; once it is there, it is chosen. */
  add() {
    this.dialog = new AliasDialog(this.element, this.channel, (alias) => this.choose(alias));
    return this.dialog.open();
  }

  dispose() {
    this.dialog?.sheet.close();
    this.list.close();
  }
}

/**
 * The panel `AliasPicker`.
 * @param {{model: import("./core.js").Model, el: HTMLElement}} context
 */
function renderAliasPicker({ model, el }) {
  const channel = new Channel(model);
  const picker = new Picker(channel, { label: model.get("label"), choices: model.get("choices"), value: model.get("value"), showLabel: true });
  const root = h("div", { class: "mdb mdb-bare" }, picker.element);
  guardShortcuts(root);
  const valueChanged = () => model.get("value") !== picker.value && picker.show(model.get("value"));
  const choicesChanged = () => picker.offer(model.get("choices"));
  model.on("change:value", valueChanged);
  model.on("change:choices", choicesChanged);
  el.append(root);
  return () => {
    model.off("change:value", valueChanged);
    model.off("change:choices", choicesChanged);
    picker.dispose();
    channel.dispose();
  };
}

export default { render: renderAliasPicker };
