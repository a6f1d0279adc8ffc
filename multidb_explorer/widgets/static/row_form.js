/** The panel `RowForm`: one editor a field, what is wrong beside it, and the two writes. */

import { Channel, aliasChip, errorText, group, guardShortcuts, h, icon, plural, tint, uniqueId } from "./core.js";
import { AliasList } from "./popup.js";
import { ConfirmDialog } from "./dialog.js";
import { makeEditor } from "./editors.js";

/** @typedef {import("./editors.js").EditColumn & {primary_key: boolean, comment: string | null}} FormColumn */
/** @typedef {{text: string | null, changed: boolean, problem: string, default: boolean, length?: number}} Shown_ what a field holds, as the kernel tells it */

const TYPING_PAUSE_ = 180;

/** @param {DataView} buffer */
const jsonOf = (buffer) => JSON.parse(new TextDecoder().decode(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)));

/**
 * Whether a field can be edited, or why not.
 * @param {FormColumn} column
 * @param {{adding: boolean, refusal: string}} form
 */
export function fixedBecause(column, { adding, refusal }) {
  if (refusal) return refusal;
  if (column.generated) return "computed by the database";
  return column.primary_key && !adding ? "the key of this row" : "";
}

/** What the form says about its edits. @param {string[]} changed @param {string[]} wrong */
export function editsInWords(changed, wrong) {
  if (wrong.length) return `${plural(wrong.length, "field")} can’t be saved: ${wrong.join(", ")}`;
  return changed.length ? `${plural(changed.length, "field")} changed` : "";
}

/** One field: its label, its editor or its value, and what can be done with it. */
class FormLine {
  /** @param {RowForm} form @param {FormColumn} column */
  constructor(form, column) {
    this.form = form;
    this.column = column;
    this.sent = 0;
    this.timer = 0;
    /** @type {Promise<unknown>} */
    this.pending = Promise.resolve();
    /** @type {any} */
    this.editor = null;
    this.fixed = "";
    const id = uniqueId("field");
    const note = [column.type, column.nullable ? "" : "required", column.comment ?? ""].filter(Boolean).join(" · ");
    const sign = column.primary_key ? icon("key") : column.references ? icon("link") : null;
    this.name = h("span", { class: "mdb-form-name", id }, column.name);
    this.label = h("div", { class: "mdb-form-label", title: note }, sign, this.name, h("span", { class: "mdb-form-type" }, column.references ? `→ ${column.references}` : column.type));
    this.place = h("div", { class: "mdb-form-place" });
    const tool = (/** @type {string} */ text, /** @type {string} */ what, /** @type {() => void} */ run) => h("button", { class: "mdb-form-tool", type: "button", "aria-label": `${column.name}: ${what}`, title: what, onclick: run }, text);
    this.nullTool = tool("NULL", "set NULL", () => this.send({ null: true }, true));
    this.defaultTool = tool("default", `set the default${column.default ? ` (${column.default})` : ""}`, () => this.send({ default: true }, true));
    this.undoTool = h("button", { class: "mdb-form-tool mdb-form-undo", type: "button", "aria-label": `${column.name}: revert`, title: "Revert this field", onclick: () => this.revert() }, icon("undo"));
    this.tools = h("div", { class: "mdb-form-tools" }, this.nullTool, this.defaultTool, this.undoTool);
    this.element = h("div", { class: "mdb-form-line", role: "group", "aria-labelledby": id }, this.label, this.place, this.tools);
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("focusout", () => {
      this.flush();
      this.editor?.fold?.();
    });
  }

  /** Show what the kernel tells. @param {Shown_} shown @param {boolean} [typing] the user is at it: the text stays as it is */
  show(shown, typing = false) {
    const { column, form } = this;
    this.shown = shown;
    const fixed = fixedBecause(column, form) || (shown.length ? "too long to edit here" : "");
    if (!this.place.firstChild || fixed !== this.fixed) this.build(shown, fixed);
    else if (fixed) this.place.replaceChildren(this.plain(shown, fixed));
    else if (!typing) {
      if (shown.default) this.editor.setDefault();
      else this.editor.set(shown.text);
    }
    this.fixed = fixed;
    this.editor?.error(shown.problem);
    this.element.classList.toggle("mdb-form-changed", shown.changed);
    this.undoTool.style.visibility = shown.changed ? "visible" : "hidden";
    this.nullTool.hidden = Boolean(fixed) || !column.nullable;
    this.defaultTool.hidden = Boolean(fixed) || !(column.default || (form.adding && column.made_by_server));
    this.undoTool.hidden = Boolean(fixed);
    this.nullTool.setAttribute("aria-pressed", String(shown.text === null && !shown.default && !shown.problem));
    this.defaultTool.setAttribute("aria-pressed", String(shown.default));
  }

  /** @param {Shown_} shown @param {string} fixed */
  build(shown, fixed) {
    const { column, form } = this;
    this.editor?.dispose();
    this.editor = null;
    if (fixed) {
      this.place.replaceChildren(this.plain(shown, fixed));
      return;
    }
    this.editor = makeEditor(column, shown.default ? null : shown.text, {
      tall: false,
      label: column.name,
      onchange: () => this.typed(),
      refer: column.references ? (search) => form.refer(column.name, search) : undefined,
      labelOf: () => form.labelOf(column.name),
    });
    if (shown.default) this.editor.setDefault();
    this.place.replaceChildren(this.editor.element);
  }

  /** A value that can only be looked at. @param {Shown_} shown @param {string} fixed */
  plain(shown, fixed) {
    const none = shown.text === null;
    const text = none ? (shown.default ? "made by the database" : "NULL") : shown.text;
    const more = shown.length ? `first ${group(shown.text?.length ?? 0)} of ${plural(shown.length, "character")}` : "";
    return h("div", { class: `mdb-form-value${none ? " mdb-null" : ""}`, title: fixed }, h("span", {}, text), more && h("span", { class: "mdb-form-more" }, more));
  }

  typed() {
    clearTimeout(this.timer);
    this.form.saveButton.disabled = false;
    // A part of a name is no key yet: what is typed there counts once a row was chosen, or the field was left.
    const searching = this.column.references && !this.editor.label?.textContent;
    this.timer = window.setTimeout(() => this.flush(), searching ? 2 ** 30 : TYPING_PAUSE_);
  }

  /** Send what was typed, if that has not been done yet. */
  flush() {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.timer = 0;
    const { others } = this.editor;
    this.send(this.editor.value());
    for (const [name, text] of Object.entries(others)) this.form.lines.get(name)?.send({ text }, true);
  }

  /** @param {object} typed @param {boolean} [put] whether the editor has to show it too */
  send(typed, put = false) {
    clearTimeout(this.timer);
    this.timer = 0;
    this.sent += 1;
    const { sent, form, column } = this;
    this.pending = form.channel.request("set", { column: column.name, ...typed }, { background: true }).then(({ data }) => {
      if (sent !== this.sent) return;
      this.show(jsonOf(data[0])[column.name], !put);
      if (data[1] && this.editor?.label) this.editor.label.textContent = jsonOf(data[1]);
      form.paint();
    }, (error) => form.say(errorText(error), "bad"));
  }

  async revert() {
    const { form, column } = this;
    clearTimeout(this.timer);
    this.timer = 0;
    this.sent += 1;
    try {
      const { data } = await form.channel.request("revert", { column: column.name });
      form.forgetLabels();
      this.show(jsonOf(data[0])[column.name]);
      this.editor?.focus();
      form.paint();
    } catch (error) {
      form.say(errorText(error), "bad");
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (this.editor?.key(event)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === "Escape" && this.shown?.changed) {
      event.stopPropagation();
      this.revert();
    }
  }
}

class RowForm {
  /** @param {import("./core.js").Model} model */
  constructor(model) {
    this.model = model;
    this.channel = new Channel(model);
    this.epoch = 0;
    this.adding = false;
    this.db = "";
    this.key = "";
    /** @type {Map<string, FormLine>} */
    this.lines = new Map();
    /** @type {Promise<Record<string, string>> | null} */
    this.labels = null;
    const tool = (/** @type {string} */ what, /** @type {Parameters<typeof icon>[0]} */ picture, /** @type {() => void} */ run) => h("button", { class: "mdb-tool", type: "button", "aria-label": what, title: what, onclick: run }, icon(picture));
    this.chip = h("span", {});
    this.name = h("span", { class: "mdb-name" }, model.get("title"));
    this.which = h("span", { class: "mdb-count" });
    this.lock = h("span", { class: "mdb-pill", hidden: true }, icon("lock"), h("span", {}));
    this.back = tool("Previous row (Alt+PageUp)", "up", () => this.go(-1));
    this.next = tool("Next row (Alt+PageDown)", "down", () => this.go(1));
    this.place = h("span", { class: "mdb-count" });
    this.steps = h("span", { class: "mdb-form-steps" }, this.place, this.back, this.next);
    this.reload = tool("Read again from the database", "reload", () => this.read("reread"));
    this.body = h("div", { class: "mdb-form-body" });
    this.message = h("span", { class: "mdb-status", role: "status" });
    this.revertButton = h("button", { class: "mdb-button", type: "button", onclick: () => this.revertAll() }, icon("undo"), "Revert");
    this.deleteButton = h("button", { class: "mdb-button", type: "button", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => this.open(this.deletes, "delete") }, icon("trash"), h("span", {}, "Delete from"), icon("chevron"));
    this.saveButton = h("button", { class: "mdb-button mdb-primary mdb-form-save", type: "button", onclick: () => this.write("save", this.alias.alias) }, icon("send"), h("span", {}));
    this.saveMore = h("button", { class: "mdb-button", type: "button", "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => this.open(this.saves, "save") }, h("span", {}, "Save to"), icon("chevron"));
    this.saves = new AliasList(this.saveMore, { role: "menu", label: "Save to", side: "end", onpick: (alias) => this.write("save", alias) });
    this.deletes = new AliasList(this.deleteButton, { role: "menu", label: "Delete from", side: "end", onpick: (alias) => this.write("delete", alias) });
    const head = h("div", { class: "mdb-title" }, this.chip, this.name, this.which, this.lock, h("span", { class: "mdb-gap" }), this.steps, this.reload);
    const foot = h("div", { class: "mdb-form-foot" }, this.message, h("span", { class: "mdb-gap" }), this.revertButton, this.deleteButton, this.deletes.box, this.saveMore, this.saves.box, this.saveButton);
    this.root = h("div", { class: "mdb mdb-panel mdb-form", role: "region", "aria-label": `Row of ${model.get("title")}` }, head, this.body, foot);
    if (model.get("height")) this.root.style.height = model.get("height");
    this.root.addEventListener("keydown", (event) => this.pressed(event));
    guardShortcuts(this.root);
    this.changed = () => {
      if (model.get("epoch") > this.epoch) this.read("row");
      else this.paint();
    };
    this.lateWatch = () => this.paintMessage();
    for (const name of ["change:epoch", "change:choices", "change:alias", "change:fields"]) model.on(name, this.changed);
    this.channel.watchers.add(this.lateWatch);
  }

  dispose() {
    for (const name of ["change:epoch", "change:choices", "change:alias", "change:fields"]) this.model.off(name, this.changed);
    for (const line of this.lines.values()) line.editor?.dispose();
    this.saves.close();
    this.deletes.close();
    this.channel.dispose();
  }

  /** @returns {import("./core.js").AliasMark} */
  get alias() {
    return this.model.get("alias");
  }

  /** @returns {string} */
  get refusal() {
    return this.model.get("refusal");
  }

  // ------------------------------------------------------------------ what is shown

  /** @param {"row" | "reread"} how */
  async read(how) {
    try {
      this.take(await this.channel.request(how));
    } catch (error) {
      this.say(errorText(error), "bad");
    }
  }

  /** A whole row came. @param {import("./core.js").Answer} answer */
  take({ message, data }) {
    const { key, db } = jsonOf(data[1]);
    const other = key !== this.key || db !== this.db || message.adding !== this.adding;
    [this.key, this.db, this.adding, this.epoch] = [key, db, message.adding, message.epoch];
    this.where = message.place;
    this.forgetLabels();
    /** @type {FormColumn[]} */
    const columns = this.model.get("fields");
    const known = [...this.lines.values()].map(({ column }) => column);
    if (other || JSON.stringify(columns) !== JSON.stringify(known)) {
      for (const line of this.lines.values()) line.editor?.dispose();
      this.lines = new Map(columns.map((column) => [column.name, new FormLine(this, column)]));
      this.body.replaceChildren(...[...this.lines.values()].map(({ element }) => element));
    }
    const shown = jsonOf(data[0]);
    for (const [name, line] of this.lines) if (shown[name]) line.show(shown[name]);
    this.paint();
  }

  paint() {
    const { alias, refusal, where, model } = this;
    const shown = [...this.lines.values()];
    this.edits = shown.filter((line) => line.shown?.changed).map(({ column }) => column.name);
    this.wrong = shown.filter((line) => line.shown?.problem).map(({ column }) => column.name);
    tint(this.root, alias);
    this.root.classList.toggle("mdb-production", alias.confirm === "production");
    this.chip.replaceChildren(aliasChip(alias));
    this.which.textContent = this.adding ? "new row" : this.key ? `${this.keyName} ${this.key}` : "";
    this.lock.hidden = !refusal;
    /** @type {HTMLElement} */ (this.lock.lastChild).textContent = refusal;
    this.steps.hidden = !model.get("browses");
    this.place.textContent = where ? `row ${group(where.row + 1)}${where.row_count ? ` of ${group(where.row_count)}` : ""}` : "";
    this.back.disabled = !where || where.row === 0;
    this.next.disabled = !where || (where.row_count !== null && where.row + 1 >= where.row_count);
    this.revertButton.hidden = Boolean(refusal) || !this.edits.length;
    this.deleteButton.hidden = this.adding || Boolean(refusal);
    this.saveMore.hidden = refusal === "no primary key" || refusal === "a view";
    this.saveButton.hidden = Boolean(refusal);
    this.saveButton.disabled = !(this.edits.length || this.adding || this.db !== alias.alias);
    /** @type {HTMLElement} */ (this.saveButton.lastChild).textContent = `Save to ${alias.alias}`;
    this.paintMessage();
  }

  get keyName() {
    const names = this.model.get("fields").filter((/** @type {FormColumn} */ column) => column.primary_key).map((/** @type {FormColumn} */ { name }) => name);
    return names.length === 1 ? names[0] : "key";
  }

  paintMessage() {
    const words = editsInWords(this.edits ?? [], this.wrong ?? []);
    const { text, tone } = this.channel.late
      ? { text: "Waiting for the kernel: it may be running another cell", tone: "late" }
      : this.sentence ?? { text: words, tone: this.wrong?.length ? "bad" : "" };
    this.message.replaceChildren(...(tone === "good" ? [icon("check")] : tone === "bad" ? [icon("warning")] : tone === "late" ? [h("span", { class: "mdb-spinner" })] : []), text);
    this.message.dataset.tone = tone;
  }

  /** @param {string} text @param {string} [tone] */
  say(text, tone = "") {
    this.sentence = text ? { text, tone } : null;
    this.paintMessage();
    clearTimeout(this.saying);
    this.saying = setTimeout(() => {
      this.sentence = null;
      this.paintMessage();
    }, tone === "bad" ? 12_000 : 5000);
  }

  forgetLabels() {
    this.labels = null;
  }

  /** What the row is called that a foreign key means; all of them are asked for at once. @param {string} name */
  async labelOf(name) {
    this.labels ??= this.channel.request("labels", {}, { background: true }).then(({ data }) => jsonOf(data[0]));
    return (await this.labels)[name] ?? null;
  }

  /** @param {string} column @param {string} search */
  async refer(column, search) {
    const { data } = await this.channel.request("refer", { column, search }, { background: true });
    return jsonOf(data[0]);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.altKey && (event.key === "PageUp" || event.key === "PageDown") && this.model.get("browses")) this.go(event.key === "PageUp" ? -1 : 1);
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !this.saveButton.hidden) this.settled().then(() => { if (!this.saveButton.disabled) this.write("save", this.alias.alias); });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // ------------------------------------------------------------------ edits and writes

  /** Let everything that was typed reach the kernel. */
  settled() {
    for (const line of this.lines.values()) line.flush();
    return Promise.all([...this.lines.values()].map(({ pending }) => pending));
  }

  async revertAll() {
    for (const line of this.lines.values()) {
      clearTimeout(line.timer);
      line.timer = 0;
      line.sent += 1;
    }
    try {
      this.take(await this.channel.request("revert"));
      this.say("Reverted");
    } catch (error) {
      this.say(errorText(error), "bad");
    }
  }

  /** The aliases of a menu, the row's own first. @param {"save" | "delete"} action */
  items(action) {
    /** @type {import("./core.js").AliasMark[]} */
    const all = this.model.get("choices");
    const first = action === "save" ? this.alias.alias : this.db;
    const sorted = [...all.filter(({ alias }) => alias === first), ...all.filter(({ alias }) => alias !== first)];
    const kept = action === "delete" ? sorted.filter((mark) => !mark.read_only) : sorted;
    return kept.map((mark) => ({ mark, refused: mark.read_only ? "read-only" : action === "save" && mark.alias === this.alias.alias && this.refusal ? this.refusal : undefined }));
  }

  /** @param {AliasList} list @param {"save" | "delete"} action */
  open(list, action) {
    if (list.isOpen) list.close(true);
    else list.open(this.items(action));
  }

  /** @param {"save" | "delete"} action @param {string} target */
  async write(action, target) {
    try {
      await this.settled();
      const { message: plan } = await this.channel.request("plan", { action, target });
      const run = (/** @type {object} */ choices, /** @type {string} */ typed) => this.execute({ action, target, choices, typed });
      const dialog = () => {
        const made = new ConfirmDialog(this.root, plan, run, () => this.body.querySelector("input, textarea, select"));
        made.open();
        return made;
      };
      if (plan.ask) dialog();
      else {
        const refusal = await run({}, "");
        if (refusal?.ways.length) dialog().explain(refusal);
        else if (refusal) this.say(refusal.message, "bad");
      }
    } catch (error) {
      this.say(errorText(error), "bad");
    }
  }

  /** @param {{action: string, target: string, choices: object, typed: string}} body */
  async execute(body) {
    const answer = await this.channel.request("write", body, { background: true });
    const { message, data } = answer;
    if (message.type !== "refused") {
      this.take(answer);
      this.say(message.text, "good");
      return null;
    }
    for (const name of message.fields ?? []) {
      if (message.reason) this.lines.get(name)?.editor?.error(message.reason);
      this.lines.get(message.fields[0])?.editor?.focus();
    }
    return { ...message, differences: data.length ? jsonOf(data[0]) : [] };
  }

  /** @param {number} step */
  async go(step) {
    try {
      await this.settled();
      this.take(await this.channel.request("go", { step }));
      this.say("");
    } catch (error) {
      this.say(errorText(error), "bad");
    }
  }
}

/** @param {{model: import("./core.js").Model, el: HTMLElement}} context */
function renderRowForm({ model, el }) {
  const form = new RowForm(model);
  el.append(form.root);
  form.read("row");
  return () => form.dispose();
}

export default { render: renderRowForm };
