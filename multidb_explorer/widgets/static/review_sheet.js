/** The exact statements of a save, with their values; and, for an alias that asks first, the question. */

import { aliasChip, errorText, h, icon, tint } from "./core.js";
import { Sheet, sheetInput, sheetLine } from "./sheet.js";

export class ReviewSheet {
  /**
   * @param {import("./pending_bar.js").PendingBar} bar
   * @param {import("./core.js").AliasMark} target
   * @param {boolean} asks whether the user is asked to save
   * @param {{type: string, body: object}} [what] what is done instead of a save
   */
  constructor(bar, target, asks, what) {
    this.bar = bar;
    this.target = target;
    this.what = what;
    this.text = "";
    const back = what?.type === "unsave";
    this.sheet = new Sheet(bar.edit.grid.element, { title: back ? "Undo the save" : asks ? "Save the changes" : "What a save would send", icon: back ? "undo" : "code" });
    this.sheet.element.classList.add("mdb-sheet-wide");
    tint(this.sheet.element, target);
    this.counts = h("span", { class: "mdb-quiet" });
    this.list = h("ol", { class: "mdb-statements" });
    this.typed = sheetInput("", { "aria-label": `Type ${target.alias} to go on`, oninput: () => this.check() });
    this.copy = h("button", { class: "mdb-button", type: "button", onclick: () => this.copyAll() }, "Copy");
    this.yes = h("button", { class: `mdb-button ${target.confirm === "production" ? "mdb-danger" : "mdb-primary"}`, type: "submit" }, icon("send"), back ? "Undo in" : "Save to", h("span", { class: "mdb-strong" }, target.alias));
    const question = target.confirm === "production" ? sheetLine("Production", this.typed, `Type ${target.alias} to go on.`) : null;
    this.sheet.body.append(h("div", { class: "mdb-review-head" }, aliasChip(target), this.counts), ...(back ? [] : [this.list]), ...(question ? [question] : []));
    this.sheet.buttons.append(...(back ? [] : [this.copy]), h("span", { class: "mdb-gap" }), h("button", { class: "mdb-button", type: "button", onclick: () => this.sheet.close() }, "Cancel"), this.yes);
    this.sheet.form.addEventListener("submit", () => !this.yes.disabled && this.save());
    this.ready = back;
    this.back = back;
  }

  async open() {
    this.check();
    this.sheet.open(this.target.confirm === "production" ? this.typed : undefined);
    if (this.back) return;
    try {
      const { message } = await this.bar.edit.grid.channel.request("review", { alias: this.target.alias }, { background: true });
      this.show(message);
    } catch (error) {
      this.sheet.say(errorText(error), "bad");
    }
    this.check();
  }

  /** @param {any} message */
  show(message) {
    this.text = message.text;
    this.ready = message.total > 0;
    this.counts.textContent = `${message.counts} · ${message.total} ${message.total === 1 ? "statement" : "statements"}, in one transaction`;
    const value = (/** @type {[string, string]} */ [name, text]) => h("span", {}, h("span", { class: "mdb-values-name" }, `${name} = `), text);
    this.list.replaceChildren(...message.statements.map((/** @type {any} */ one) => h("li", {}, h("code", {}, one.sql), h("div", { class: "mdb-values" }, ...one.values.map(value)))));
    if (message.total > message.statements.length) this.list.append(h("li", { class: "mdb-quiet" }, `and ${message.total - message.statements.length} more`));
    this.list.tabIndex = 0;
    this.list.setAttribute("aria-label", "Statements");
  }

  check() {
    this.yes.disabled = !this.ready || (this.target.confirm === "production" && this.typed.value !== this.target.alias);
    this.copy.disabled = !this.text;
  }

  async copyAll() {
    await navigator.clipboard.writeText(this.text);
    this.sheet.say("Copied", "good");
  }

  async save() {
    const word = { confirmed: true, typed: this.typed.value };
    const problem = await this.sheet.work(() => this.bar.run(this.target, word, this.what), "Saving …");
    if (problem) this.sheet.say(problem.message, "bad");
    else if (problem === null) this.sheet.close();
  }
}
