/** The explorer's tab "Code": the Python of what is on screen, to copy, and its rows as a variable of the notebook. */

import { errorText, h, icon, plural, uniqueId } from "./core.js";
import { Pane, section } from "./pane.js";
import { codeBlock } from "./code_view.js";

export class CodeTab {
  /** @param {import("./explorer.js").Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    this.channel = explorer.channel;
    this.pane = new Pane(explorer.channel, "Code of what is on screen");
    this.element = this.pane.element;
    /** @type {{cancel: () => void} | null} */
    this.sending = null;
    const label = uniqueId("df");
    this.name = h("input", { class: "mdb-input mdb-variable", type: "text", value: "df", id: label, autocomplete: "off", spellcheck: "false", oninput: () => this.ask(""), onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && this.send(false) });
    this.button = h("button", { class: "mdb-button mdb-primary", type: "button", onclick: () => (this.sending ? this.sending.cancel() : this.send(this.asked)) });
    this.said = h("div", { class: "mdb-said", role: "status" });
    this.form = h("div", { class: "mdb-send" }, h("label", { for: label }, "Variable"), this.name, this.button, this.said);
    this.asked = false;
    this.ask("");
  }

  open() {
    this.pane.clear();
    this.tell("", "");
  }

  /** What is on screen may be another selection of rows each time that the tab is looked at. */
  enter() {
    if (!this.explorer.opened) return;
    const { columns } = this;
    this.pane.load("code", { columns }, { title: "Writing the code …", failed: "There is no code for this" }, (message) => this.show(message));
  }

  get columns() {
    return this.explorer.data.grid.columns.map(({ name }) => name);
  }

  focus() {
    this.pane.body.focus({ preventScroll: true });
  }

  dispose() {
    this.pane.drop();
    this.sending?.cancel();
  }

  /** @param {{code: string, can_send: boolean}} found */
  show({ code, can_send }) {
    const parts = [
      section("What is on screen, as Python", "its filters, order and columns", codeBlock(code, "python", "Python code")),
      can_send && section("Send to the notebook", "as a pandas DataFrame, for the next cell", this.form),
    ];
    this.pane.body.replaceChildren(...parts.filter((part) => part instanceof Node));
  }

  /** @param {string} text @param {"" | "good" | "bad" | "ask"} tone */
  tell(text, tone) {
    this.said.dataset.tone = tone;
    this.said.replaceChildren(...(tone === "good" ? [icon("check")] : tone ? [icon("warning")] : []), text);
  }

  /** Name what the button does now; a question is answered by pressing it once more. @param {string} question */
  ask(question) {
    this.asked = Boolean(question);
    this.tell(question, question ? "ask" : "");
    this.button.replaceChildren(...(this.sending ? [icon("stop"), "Cancel"] : [icon("send"), question ? "Send all the same" : "Send"]));
  }

  /** @param {boolean} sure */
  async send(sure) {
    const name = this.name.value.trim();
    const job = this.channel.job("send", { name, sure, columns: this.columns });
    this.sending = job;
    this.ask("");
    this.tell("Reading …", "");
    try {
      const { message } = await job.answer;
      this.sending = null;
      this.ask(message.type === "ask" ? message.text : "");
      if (message.type === "sent") this.tell(`${message.name} holds ${plural(message.rows, "row")} of ${plural(message.columns, "column")}`, "good");
    } catch (error) {
      this.sending = null;
      this.ask("");
      this.tell(errorText(error), "bad");
    }
  }
}
