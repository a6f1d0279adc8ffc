/** The explorer's tab "Data": the grid, and the two writes for the selected rows. */

import { countRows, errorText, h, icon, plural, tint } from "./core.js";
import { AliasList } from "./popup.js";
import { ConfirmDialog } from "./dialog.js";
import { Grid } from "./data_grid.js";
import { GRID_PARTS } from "./grid_parts.js";
import { openTransfer } from "./transfer_dialog.js";

/** @typedef {import("./core.js").AliasMark} AliasMark */

const ROWS_AT_ONCE = 1000;

export class DataTab {
  /** @param {import("./explorer.js").Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    this.channel = explorer.channel;
    const events = { onselect: () => this.paint(), onsize: (/** @type {string} */ text) => explorer.tellSize(text), onfollow: (/** @type {{row: number, column: string}} */ link) => void this.follow(link) };
    this.grid = new Grid(this.channel, events, GRID_PARTS);
    this.element = this.grid.element;
    this.copyButton = h("button", { class: "mdb-button", type: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": "Copy rows to another alias", onclick: () => this.openTargets() }, icon("copy"), h("span", {}, "Copy rows to"), icon("chevron"));
    this.deleteButton = h("button", { class: "mdb-button mdb-delete", type: "button", onclick: () => this.plan("delete", explorer.alias ?? "") });
    this.targets = new AliasList(this.copyButton, { role: "menu", label: "Copy rows to", side: "end", onpick: (alias) => this.plan("copy", alias) });
    this.moveButton = h("button", { class: "mdb-button", type: "button", "aria-haspopup": "dialog", title: "The selected rows, or all on screen, with their relatives", onclick: () => openTransfer(explorer, this.grid) }, icon("send"), h("span", {}, "Copy or move …"));
    this.actions = h("div", { class: "mdb-actions", role: "toolbar", "aria-label": "Selected rows" }, this.moveButton, this.copyButton, this.targets.box, this.deleteButton);
    this.paint();
  }

  /** Another table, or none. @param {any} opened what the kernel told about it */
  open(opened) {
    this.grid.open(opened ?? { columns: [], epoch: this.grid.store.epoch, row_count: null, row_estimate: null, title: "" });
    this.paint();
    // Out of view no rows are read, and so nobody would count them.
    if (opened && !this.grid.height) this.grid.order.rowsCame();
  }

  /** The foreign key of a cell. @param {{row: number, column: string}} link */
  async follow({ row, column }) {
    try {
      await this.explorer.follow({ row, column });
    } catch (error) {
      this.say(errorText(error), "bad");
    }
  }

  /** Where the rows stand. */
  get place() {
    const { x, y, active, hasActive } = this.grid;
    return { x, y, active, hasActive };
  }

  /** What narrows the rows down, in words. */
  get words() {
    /** @type {{label?: string}[]} */
    const items = this.explorer.opened?.parts?.filter?.items ?? [];
    return items.map(({ label }) => label ?? "").filter(Boolean).join(", ");
  }

  /** Back to where the rows stood. @param {DataTab["place"]} place */
  stand({ x, y, active, hasActive }) {
    Object.assign(this.grid, { active, corner: active, hasActive });
    this.grid.scrollTo(x, y);
  }

  focus() {
    this.grid.view.focus({ preventScroll: true });
  }

  /** @param {string} text @param {"" | "good" | "bad"} [tone] */
  say(text, tone) {
    this.grid.say(text, tone);
  }

  dispose() {
    this.grid.dispose();
    this.targets.close();
  }

  paint() {
    const { mark, opened } = this.explorer;
    const rows = countRows(this.grid.selected);
    const reason = opened && !opened.has_key ? "This table has no key, so its rows can’t be told apart" : rows === 0 ? "Select rows first" : rows > ROWS_AT_ONCE ? `At most ${plural(ROWS_AT_ONCE, "row")} at once here` : "";
    this.actions.hidden = !opened;
    this.deleteButton.hidden = Boolean(mark?.read_only);
    this.moveButton.disabled = !opened?.has_key;
    this.copyButton.disabled = this.deleteButton.disabled = Boolean(reason);
    this.copyButton.title = reason || "Copy the selected rows to another alias";
    this.deleteButton.title = reason || `Delete the selected rows from ${mark?.alias}`;
    this.deleteButton.replaceChildren(icon("trash"), h("span", {}, "Delete from"), ...(mark ? [h("span", { class: "mdb-dot" }), h("span", { class: "mdb-strong" }, mark.alias)] : []));
    tint(this.deleteButton, mark);
  }

  // ------------------------------------------------------------------ writes

  async openTargets() {
    if (this.targets.isOpen) return this.targets.close(true);
    const { picker, alias } = this.explorer;
    const items = (/** @type {AliasMark[]} */ choices) => choices
      .filter((mark) => mark.alias !== alias)
      .map((mark) => ({ mark, refused: mark.read_only ? "read-only" : undefined }));
    this.targets.open(items(picker.choices));
    try {
      const { message } = await this.channel.request("aliases");
      picker.offer(message.choices);
      this.targets.renew(items(message.choices));
    } catch (error) {
      this.say(errorText(error), "bad");
    }
    return undefined;
  }

  /** Ask the kernel what the write would be; it answers with what the question has to name. @param {"copy" | "delete"} action @param {string} target */
  async plan(action, target) {
    const { epoch } = this.grid.store;
    try {
      const { message } = await this.channel.request("plan", { action, target, epoch, rows: this.grid.selected });
      const run = (/** @type {Record<string, unknown>} */ choices, /** @type {string} */ typed) => this.execute(message, choices, typed);
      new ConfirmDialog(this.explorer.root, message, run, () => this.channel.request("forget", { plan: message.plan })).open();
    } catch (error) {
      this.say(errorText(error), "bad");
    }
  }

  /**
   * @param {any} plan
   * @param {Record<string, unknown>} choices
   * @param {string} typed
   */
  async execute(plan, choices, typed) {
    const { message } = await this.channel.request("execute", { plan: plan.plan, choices, typed }, { background: true });
    this.grid.written(message);
    if (message.type === "refused") return message;
    this.say(message.text, "good");
    return null;
  }
}
