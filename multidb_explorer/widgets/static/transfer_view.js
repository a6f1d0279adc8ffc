/** Copying and moving rows: choose where to, look at the plan, run it, read the report. */

import { aliasChip, errorText, h, icon, plural, tint, uniqueId } from "./core.js";
import { AliasList } from "./popup.js";
import { sheetInput, sheetSelect, sheetTick } from "./sheet.js";
import { columnsTable, objectionList, planLine, policiesOf, transferText, reportTable, routeChips, spanText, stepsTable } from "./transfer_plan.js";

/** @typedef {import("./core.js").AliasMark} AliasMark */
/** @typedef {import("./transfer_plan.js").TransferPlan} TransferPlan */

/** @type {[string, string][]} */
const RELATIVES = [["none", "None"], ["parents", "What they refer to"], ["children", "What refers to them"], ["all", "Both"]];
const LOOK_AGAIN = 500;

export class TransferView {
  /**
   * @param {import("./core.js").Channel} channel
   * @param {{ondone?: (kind: string) => void}} [events]
   */
  constructor(channel, events = {}) {
    this.channel = channel;
    this.events = events;
    /** @type {any} */
    this.state = null;
    /** @type {TransferPlan | null} */
    this.plan = null;
    /** @type {AbortController | null} */
    this.running = null;
    this.target = "";
    this.visit = 0;
    this.gone = false;
    /** @type {Set<string>} losses that were accepted by name */
    this.accept = new Set();
    /** @type {Map<string, {table: string, schema: string | null, policy: string}>} */
    this.policies = new Map();
    /** @type {{table: string, schema: string | null}[]} steps that were left out */
    this.without = [];
    const name = uniqueId("kind");
    this.kinds = ["copy", "move"].map((kind) => {
      const box = h("input", { type: "radio", name, value: kind, onchange: () => this.changed() });
      return { kind, box, element: h("label", { class: "mdb-move-kind" }, box, h("span", {}, kind === "copy" ? "Copy" : "Move")) };
    });
    this.targetButton = h("button", { class: "mdb-button mdb-move-target", type: "button", "aria-haspopup": "listbox", "aria-expanded": "false", onclick: () => this.openTargets() });
    this.targets = new AliasList(this.targetButton, { role: "listbox", label: "To", onpick: (alias) => this.choose(alias) });
    this.related = sheetSelect(RELATIVES, "none");
    this.related.setAttribute("aria-label", "Relatives");
    this.policy = sheetSelect([], "error");
    this.policy.setAttribute("aria-label", "Rows that meet others");
    this.create = sheetTick("make absent tables");
    for (const field of [this.related, this.policy, this.create.box]) field.addEventListener("change", () => this.changed());
    const line = (/** @type {string} */ label, /** @type {any[]} */ ...fields) => h("div", { class: "mdb-move-wish" }, h("span", { class: "mdb-move-label" }, label), ...fields);
    this.wishes = h(
      "div",
      { class: "mdb-move-wishes" },
      h("div", { class: "mdb-move-kinds", role: "radiogroup", "aria-label": "Copy or move" }, ...this.kinds.map(({ element }) => element)),
      line("to", this.targetButton, this.targets.box),
      line("relatives", this.related),
      line("conflicts", this.policy),
      this.create.element,
    );
    this.body = h("div", { class: "mdb-move-body" });
    this.unfinished = h("div", { class: "mdb-move-unfinished", hidden: true });
    this.foot = h("div", { class: "mdb-move-foot" });
    this.live = h("div", { class: "mdb-hidden", role: "status" });
    this.element = h("div", { class: "mdb-move" }, this.unfinished, this.wishes, this.body, this.foot, this.live);
  }

  dispose() {
    this.gone = true;
    this.visit += 1;
    this.targets.close();
  }

  /** What was said of the plan that was on screen. */
  forget() {
    this.accept.clear();
    this.policies.clear();
    this.without = [];
  }

  get kind() {
    return this.kinds.find(({ box }) => box.checked)?.kind ?? "copy";
  }

  // ------------------------------------------------------------------ beginning

  /** Ask what there is: at the beginning, and after the page was read anew. */
  async start() {
    try {
      const { message } = await this.channel.request("look");
      if (this.gone) return;
      this.state = message;
      this.target = message.plan?.target.alias ?? message.to ?? "";
      for (const { kind, box } of this.kinds) box.checked = kind === (message.plan?.kind ?? message.kind);
      this.related.value = message.related;
      this.paintWishes();
      this.paintUnfinished();
      if (message.progress) this.follow(message.progress);
      else if (message.report) this.showReport(message.report);
      else if (message.plan) this.showPlan(message.plan);
      else if (this.target) this.ask();
      else this.say("empty", "Choose where the rows go", "Nothing is written before you have seen the plan.");
    } catch (error) {
      this.say("error", "This can’t be begun", errorText(error), ["Try again", () => this.start()]);
    }
  }

  /** @param {AliasMark | undefined} mark */
  paintTarget(mark) {
    const chevron = icon("chevron");
    this.targetButton.replaceChildren(...(mark ? [h("span", { class: "mdb-dot" }), h("span", { class: "mdb-strong" }, mark.alias), chevron] : [h("span", {}, "Choose a database"), chevron]));
    tint(this.targetButton, mark);
  }

  paintWishes() {
    const chosen = this.policy.value;
    this.policy.replaceChildren(...policiesOf(this.kind).map(([name, words]) => h("option", { value: name }, words)));
    this.policy.value = policiesOf(this.kind).some(([name]) => name === chosen) ? chosen : "error";
    this.paintTarget(this.markOf(this.target));
  }

  /** @param {string} alias @returns {AliasMark | undefined} */
  markOf(alias) {
    return this.state?.choices.find((/** @type {AliasMark} */ mark) => mark.alias === alias);
  }

  async openTargets() {
    if (this.targets.isOpen) return this.targets.close(true);
    const items = () => this.state.choices.map((/** @type {AliasMark} */ mark) => ({
      mark,
      selected: mark.alias === this.target,
      refused: this.state.targets.find((/** @type {any} */ one) => one.alias === mark.alias)?.refused || undefined,
    }));
    this.targets.open(items());
    try {
      const { message } = await this.channel.request("aliases");
      Object.assign(this.state, { choices: message.choices, targets: message.targets });
      this.targets.renew(items());
    } catch {
      // The list that is open stays good enough.
    }
    return undefined;
  }

  /** @param {string} alias */
  choose(alias) {
    this.target = alias;
    this.changed();
  }

  /** Other wishes make another plan; what was said of single steps is forgotten. */
  changed() {
    this.forget();
    this.paintWishes();
    if (this.target) this.ask();
  }

  // ------------------------------------------------------------------ the plan

  async ask() {
    this.visit += 1;
    const { visit } = this;
    this.plan = null;
    const signal = new AbortController();
    this.say("busy", "Planning …", "Only reading.", ["Cancel", () => signal.abort()]);
    const wishes = { target: this.target, kind: this.kind, related: this.related.value, on_conflict: this.policy.value, create: this.create.box.checked };
    const edits = { accept: [...this.accept], policies: [...this.policies.values()], without: this.without };
    try {
      const { message } = await this.channel.request("plan", { ...wishes, ...edits }, { background: true, signal: signal.signal });
      if (visit === this.visit) this.showPlan(message);
    } catch (error) {
      if (visit === this.visit) this.say("error", "There is no plan", errorText(error), ["Plan again", () => this.ask()]);
    }
  }

  /** @param {TransferPlan} plan */
  showPlan(plan) {
    this.plan = plan;
    this.enable(true);
    const steps = stepsTable(plan, {
      onpolicy: (step, policy) => {
        this.policies.set(JSON.stringify([step.schema, step.table]), { table: step.table, schema: step.schema, policy });
        this.ask();
      },
      onwithout: (step) => {
        this.without.push({ table: step.table, schema: step.schema });
        this.ask();
      },
    });
    const objections = objectionList(plan, (name, accepted) => {
      if (accepted) this.accept.add(name);
      else this.accept.delete(name);
      this.ask();
    });
    const left = this.without.length && h("div", { class: "mdb-move-note" }, `Left out: ${this.without.map(({ table }) => table).join(", ")} `, h("button", { class: "mdb-link", type: "button", onclick: () => this.changed() }, "take them back"));
    this.body.replaceChildren(...[h("div", { class: "mdb-move-line" }, routeChips(plan.source, plan.target), planLine(plan)), steps, left, objections, ...plan.notes.map((/** @type {string} */ text) => h("div", { class: "mdb-move-note" }, text)), columnsTable(plan)].filter((part) => part instanceof Node));
    this.tell(`The plan: ${planLine(plan)}${plan.refused.length ? `, ${plural(plan.refused.length, "objection")}` : ""}`);
    this.paintRun(plan);
  }

  /** @param {TransferPlan} plan */
  paintRun(plan) {
    const verb = plan.kind === "copy" ? "Copy" : "Move";
    const yes = h("button", { class: `mdb-button ${plan.kind === "move" ? "mdb-danger" : "mdb-primary"}`, type: "button", onclick: () => this.run(plan, typed()) }, `${verb} ${plural(plan.rows, "row")} to ${plan.target.alias}`);
    const { fields, typed, ready } = this.typing(plan.type_aliases, () => check());
    const check = () => {
      yes.disabled = plan.refused.length > 0 || plan.rows === 0 || !ready();
    };
    check();
    const why = plan.refused.length ? h("span", { class: "mdb-move-why" }, icon("warning"), `${plural(plan.refused.length, "objection")}: nothing can be written`) : plan.rows === 0 ? h("span", { class: "mdb-move-why" }, "There are no rows") : null;
    this.foot.replaceChildren(...[why, ...fields, yes].filter((part) => part instanceof Node));
  }

  /** Fields for the aliases of production, which have to be typed. @param {string[]} aliases @param {() => void} onchange */
  typing(aliases, onchange) {
    const inputs = aliases.map((alias) => ({ alias, input: sheetInput("", { "aria-label": `Type ${alias} to go on`, oninput: onchange }) }));
    const fields = inputs.map(({ alias, input }) => h("label", { class: "mdb-move-type" }, h("span", {}, "Production: type ", h("b", {}, alias)), input));
    const typed = () => Object.fromEntries(inputs.map(({ alias, input }) => [alias, input.value]));
    return { fields, typed, ready: () => inputs.every(({ alias, input }) => input.value === alias) };
  }

  // ------------------------------------------------------------------ the run

  /** @param {TransferPlan} plan @param {Record<string, string>} typed */
  run(plan, typed) {
    return this.carry("run", { plan: plan.plan, typed }, `${plan.kind === "copy" ? "Copying" : "Moving"} to ${plan.target.alias}`);
  }

  /** @param {string} type @param {object} body @param {string} title */
  async carry(type, body, title) {
    this.visit += 1;
    const { visit } = this;
    this.running = new AbortController();
    this.showProgress(title, { rows: 0, planned: this.plan?.rows ?? 0 });
    try {
      const { message } = await this.channel.request(type, body, { background: true, signal: this.running.signal, onprogress: (progress) => visit === this.visit && this.showProgress(title, progress) });
      if (visit === this.visit) this.ended(message);
    } catch (error) {
      if (visit === this.visit) this.failed(error);
    }
  }

  /** @param {any} report */
  ended(report) {
    this.running = null;
    this.showReport(report);
    this.lookForUnfinished();
    this.events.ondone?.(report.kind);
  }

  /** @param {unknown} error */
  failed(error) {
    this.running = null;
    this.enable(true);
    this.say("error", "It did not end well", errorText(error), ["Plan again", () => this.ask()]);
    this.lookForUnfinished();
  }

  /** Another view of this panel began a run, or this page was read anew: look from time to time. @param {any} progress */
  async follow(progress) {
    this.visit += 1;
    const { visit } = this;
    this.running = new AbortController();
    this.running.signal.addEventListener("abort", () => this.channel.request("stop").catch(() => undefined));
    let now = progress;
    while (now && visit === this.visit) {
      this.showProgress("Under way", now);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
      const { message } = await this.channel.request("look");
      now = message.progress;
      if (!now && visit === this.visit) {
        this.state = message;
        if (message.report) this.ended(message.report);
        else this.failed(new Error("The transfer ended early; what is unfinished is listed above."));
      }
    }
  }

  /** @param {string} title @param {any} progress */
  showProgress(title, progress) {
    this.enable(false);
    const { rows = 0, planned = 0 } = progress;
    const share = planned ? Math.min(100, (100 * rows) / planned) : 0;
    const known = this.body.querySelector(".mdb-move-running");
    if (!known) {
      const bar = h("div", { class: "mdb-move-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": title }, h("div", { class: "mdb-move-fill" }));
      this.body.replaceChildren(h("div", { class: "mdb-move-running" }, h("div", { class: "mdb-move-title" }, h("span", { class: "mdb-spinner" }), title), bar, h("div", { class: "mdb-move-far" })));
      const cancel = h("button", { class: "mdb-button", type: "button" }, "Cancel");
      cancel.addEventListener("click", () => {
        cancel.disabled = true;
        cancel.textContent = "Stopping …";
        this.running?.abort();
      });
      this.foot.replaceChildren(h("span", { class: "mdb-move-why" }, "Cancel leaves everything consistent; it can be resumed."), h("span", { class: "mdb-gap" }), cancel);
      cancel.focus({ preventScroll: true });
    }
    const bar = /** @type {HTMLElement} */ (this.body.querySelector(".mdb-move-bar"));
    bar.setAttribute("aria-valuenow", String(Math.round(share)));
    /** @type {HTMLElement} */ (bar.firstElementChild).style.width = `${share}%`;
    /** @type {HTMLElement} */ (this.body.querySelector(".mdb-move-far")).textContent = transferText(progress);
  }

  /** @param {any} report */
  showReport(report) {
    this.enable(true);
    this.plan = null;
    const good = report.state === "DONE";
    const verb = report.kind === "copy" ? "Copied" : "Moved";
    const title = good ? `${verb} to ${report.target} in ${spanText(report.seconds)}` : report.state === "CANCELLED" ? "Cancelled: what was done is consistent, and it can be resumed" : "Not finished";
    const notes = [report.message, ...report.notes, report.keys ? `${plural(report.keys, "row")} came under new keys.` : "", report.reconciles ? "" : "The counts don’t add up; look at the rows."].filter(Boolean);
    this.body.replaceChildren(
      h("div", { class: `mdb-move-title ${good ? "mdb-move-good" : "mdb-move-bad"}` }, icon(good ? "check" : "warning"), title),
      ...notes.map((text) => h("div", { class: "mdb-move-message" }, text)),
      reportTable(report),
    );
    this.tell(title);
    const again = h("button", { class: "mdb-button", type: "button", onclick: () => this.ask() }, "Plan again");
    again.disabled = !this.target;
    this.foot.replaceChildren(h("span", { class: "mdb-faint" }, `transfer ${report.transfer}`), h("span", { class: "mdb-gap" }), again);
  }

  // ------------------------------------------------------------------ unfinished ones

  async lookForUnfinished() {
    try {
      const { message } = await this.channel.request("look");
      this.state = message;
      this.paintUnfinished();
    } catch {
      // Nothing is lost: mdb.transfers() lists them too.
    }
  }

  paintUnfinished() {
    const found = this.state?.unfinished ?? [];
    this.unfinished.hidden = !found.length;
    this.unfinished.replaceChildren(
      ...(found.length ? [h("div", { class: "mdb-move-title mdb-move-bad" }, icon("warning"), `${plural(found.length, "transfer")} not finished`)] : []),
      ...found.map((/** @type {any} */ one) => this.unfinishedLine(one)),
    );
  }

  /** @param {any} one */
  unfinishedLine(one) {
    const busy = one.state === "RUNNING";
    const { fields, typed, ready } = this.typing(one.type_aliases, () => check());
    const button = h("button", { class: "mdb-button", type: "button", onclick: () => this.carry("resume", { transfer: one.id, typed: typed() }, `Going on to ${one.target.alias}`) }, icon("play"), "Resume");
    const check = () => {
      button.disabled = busy || !ready();
    };
    check();
    const text = `${one.kind} of ${one.tables.join(", ")} · ${one.at} UTC · ${busy ? "running" : `${one.done} of ${plural(one.units, "unit")} done`}`;
    return h("div", { class: "mdb-move-left" }, one.source.engine ? routeChips(one.source, one.target) : aliasChip(one.target), h("span", { class: "mdb-move-text" }, text), ...fields, button);
  }

  // ------------------------------------------------------------------ small things

  /** @param {boolean} on */
  enable(on) {
    for (const field of this.wishes.querySelectorAll("input, select, button")) field.toggleAttribute("disabled", !on);
  }

  /** @param {string} text */
  tell(text) {
    this.live.textContent = text;
  }

  /** @param {"empty" | "busy" | "error"} look @param {string} title @param {string} text @param {[string, () => void]} [way] */
  say(look, title, text, way) {
    const picture = look === "busy" ? h("span", { class: "mdb-spinner" }) : icon(look === "error" ? "warning" : "send");
    const button = way && h("button", { class: "mdb-button", type: "button", onclick: way[1] }, way[0]);
    this.body.replaceChildren(h("div", { class: `mdb-move-say mdb-move-say-${look}`, role: look === "error" ? "alert" : "status" }, picture, h("div", { class: "mdb-notice-title" }, title), h("div", { class: "mdb-notice-text" }, text), button));
    this.foot.replaceChildren();
  }
}
