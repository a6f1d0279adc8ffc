/** The bar of what is staged and not saved: how much, undo and redo, revert, the exact statements, and where to. */

import { errorText, focusBack, h, icon } from "./core.js";
import { ActionMenu } from "./grid_menu.js";
import { AliasList } from "./popup.js";
import { ConflictSheet } from "./conflict_sheet.js";
import { ReviewSheet } from "./review_sheet.js";

/** @typedef {import("./core.js").AliasMark} AliasMark */

/** "3 changed, 1 new, 2 deleted". @param {{new: number, changed: number, deleted: number}} pending */
export function pendingText(pending) {
  /** @type {[number, string][]} */
  const parts = [[pending.changed, "changed"], [pending.new, "new"], [pending.deleted, "deleted"]];
  return parts.filter(([count]) => count).map(([count, word]) => `${count.toLocaleString("en")} ${word}`).join(", ");
}

export class PendingBar {
  /** @param {import("./grid_edit.js").GridEdit} edit */
  constructor(edit) {
    this.edit = edit;
    this.shown = "";
    this.busy = false;
    /** @type {AliasMark[]} */
    this.targets = [];
    /** @type {AliasMark | null} */
    this.own = null;
    const tool = (/** @type {"undo" | "redo"} */ name, /** @type {string} */ words, /** @type {string} */ keys) =>
      h("button", { class: "mdb-tool", type: "button", "aria-label": words, title: `${words} (${keys})`, onclick: () => edit.step(name) }, icon(name));
    const swatch = (/** @type {string} */ state, /** @type {string} */ word) => {
      const count = h("span", {});
      return { count, state, word, element: h("span", { class: `mdb-legend mdb-legend-${state}` }, h("span", { class: "mdb-swatch", "aria-hidden": "true" }, icon(state === "new" ? "plus" : state === "deleted" ? "trash" : "pencil")), count) };
    };
    this.legend = [swatch("changed", "changed"), swatch("new", "new"), swatch("deleted", "deleted")];
    this.elsewhere = h("span", { class: "mdb-quiet" });
    this.undo = tool("undo", "Undo", "Ctrl+Z");
    this.redo = tool("redo", "Redo", "Ctrl+Shift+Z");
    this.revert = h("button", { class: "mdb-button mdb-small", type: "button", "aria-haspopup": "menu", onclick: () => this.openRevert() }, "Revert", icon("chevron"));
    this.review = h("button", { class: "mdb-button mdb-small", type: "button", "aria-label": "Review", title: "The exact statements", onclick: () => this.openReview() }, icon("code"), h("span", { class: "mdb-word" }, "Review"));
    this.save = h("button", { class: "mdb-button mdb-small mdb-primary", type: "button", onclick: () => this.own && this.saveTo(this.own) });
    this.more = h("button", { class: "mdb-button mdb-small mdb-primary mdb-more", type: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": "Save to another alias", title: "Save to another alias", onclick: () => this.openTargets() }, icon("chevron"));
    this.menu = new ActionMenu(edit.grid.element, "Revert");
    this.list = new AliasList(this.more, { role: "menu", label: "Save changes to", side: "end", onpick: (alias) => this.picked(alias) });
    this.unsave = h("button", { class: "mdb-link", type: "button", hidden: true, onclick: () => this.takeBack() }, "Undo save");
    this.element = h(
      "div",
      { class: "mdb-pending", role: "toolbar", "aria-label": "Changes that are not saved", hidden: true },
      ...this.legend.map(({ element }) => element), this.elsewhere, h("span", { class: "mdb-gap" }),
      this.undo, this.redo, this.revert, this.review, h("span", { class: "mdb-split" }, this.save, this.more), this.list.box,
    );
    edit.grid.foot.actions.append(this.unsave);
    /** @type {{undo: string, target: AliasMark} | null} */
    this.saved = null;
  }

  /** @param {any} opening */
  opened(opening) {
    this.own = opening.alias ?? null;
    this.saved = null;
    this.shown = "";
  }

  dispose() {
    this.menu.close();
    this.list.close();
  }

  paint() {
    const { edit } = this;
    const { pending } = edit;
    const some = edit.editable && pending.new + pending.changed + pending.deleted > 0;
    const held = edit.editable && (pending.undo || pending.redo);
    const look = JSON.stringify([pending, some, held, this.busy, this.saved, edit.editable, this.own]);
    if (look === this.shown) return;
    this.shown = look;
    this.element.hidden = !(some || held);
    for (const { count, element, state, word } of this.legend) {
      const number = pending[/** @type {"new" | "changed" | "deleted"} */ (state)];
      element.hidden = !number;
      count.textContent = `${number.toLocaleString("en")} ${word}`;
    }
    this.element.setAttribute("aria-label", some ? `Not saved: ${pendingText(pending)}` : "Changes that are not saved");
    this.elsewhere.textContent = some ? (pending.tables > 1 ? `in ${pending.tables} tables` : "") : "Nothing staged";
    this.undo.disabled = !pending.undo || this.busy;
    this.redo.disabled = !pending.redo || this.busy;
    for (const button of [this.revert, this.review, this.save, this.more]) button.disabled = !some || this.busy;
    this.save.replaceChildren(...(this.busy ? [h("span", { class: "mdb-spinner" }), "Saving …"] : [icon("send"), "Save to", ...(this.own ? [h("span", { class: "mdb-dot" }), h("span", { class: "mdb-strong" }, this.own.alias)] : [])]));
    this.save.style.setProperty("--mdb-alias", this.own?.color && CSS.supports("color", this.own.color) ? this.own.color : "var(--mdb-neutral)");
    this.unsave.hidden = !this.saved || this.busy;
  }

  openRevert() {
    const { edit } = this;
    const box = this.revert.getBoundingClientRect();
    const inRows = edit.grid.hasActive && edit.grid.active.row >= 0;
    const rows = inRows ? edit.rowsMeant().length : 0;
    this.menu.open([
      { label: "Selected cells", refused: inRows ? undefined : "Select cells first", run: () => edit.revertCells() },
      { label: rows > 1 ? `Selected rows (${rows})` : "This row", refused: inRows ? undefined : "Select a row first", run: () => edit.revertRows() },
      { label: "Everything", danger: true, icon: "undo", group: "all", run: () => edit.revertAll() },
    ], box.left, box.bottom + 4, box.top - 4);
  }

  async openTargets() {
    if (this.list.isOpen) return this.list.close(true);
    try {
      const { message } = await this.edit.grid.channel.request("targets");
      this.targets = message.targets;
      this.list.open(this.targets.map((mark) => ({ mark, selected: mark.alias === this.own?.alias, refused: mark.read_only ? "read-only" : undefined })));
    } catch (error) {
      this.edit.grid.say(errorText(error), "bad");
    }
    return undefined;
  }

  /** @param {string} alias */
  picked(alias) {
    const target = this.targets.find((mark) => mark.alias === alias);
    if (target) this.saveTo(target);
  }

  /** Aliases that ask first show the statements with the question. @param {AliasMark} target */
  saveTo(target) {
    if (target.confirm === "never") this.run(target, {});
    else new ReviewSheet(this, target, true).open();
  }

  openReview() {
    if (this.own) new ReviewSheet(this, this.own, false).open();
  }

  /**
   * Save, and show what comes of it.
   * @param {AliasMark} target
   * @param {object} word what the user said where the alias asks
   * @param {{type: string, body: object}} [what]
   * @returns {Promise<any>} the refusal, or null
   */
  async run(target, word, what = { type: "save", body: { alias: target.alias } }) {
    const { edit } = this;
    const pressed = document.activeElement;
    this.busy = true;
    edit.grid.say(`Saving to ${target.alias} …`);
    try {
      const { message } = await edit.grid.channel.request(what.type, { ...what.body, ...word }, { background: true });
      return this.came(message, target, word);
    } catch (error) {
      edit.grid.say(errorText(error), "bad");
      return { message: errorText(error) };
    } finally {
      this.busy = false;
      this.paint();
      // What was pressed goes away with what was staged.
      if (document.activeElement === document.body || document.activeElement === pressed) focusBack(pressed, edit.grid.element);
    }
  }

  /** @param {any} message @param {AliasMark} target @param {object} word */
  came(message, target, word) {
    const { edit } = this;
    edit.apply(message);
    const { active } = edit.grid;
    edit.grid.written(message);
    edit.grid.active = edit.grid.corner = active;
    if (message.type === "conflicts") {
      edit.grid.say("Somebody else changed the same rows: nothing was written", "bad");
      new ConflictSheet(this, message, target, word).open();
      return null;
    }
    if (message.type === "refused") {
      edit.grid.say(message.message, "bad");
      return message;
    }
    this.saved = message.undo ? { undo: message.undo, target: message.target } : null;
    edit.grid.say(message.text, "good");
    return null;
  }

  takeBack() {
    const { saved } = this;
    if (!saved) return;
    const what = { type: "unsave", body: { undo: saved.undo } };
    if (saved.target.confirm === "never") this.run(saved.target, {}, what);
    else new ReviewSheet(this, saved.target, true, what).open();
  }
}
