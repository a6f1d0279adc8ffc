/** The explorer's tab "Profile": a card for each column, filled a few at a time while the database works them out. */

import { KernelError, errorText, group, h, icon, plural } from "./core.js";
import { Pane } from "./pane.js";
import { badge } from "./columns.js";
import { histogramPicture, percent } from "./bars.js";

/** @typedef {{name: string, kind: string, type: string}} ProfiledColumn */
/**
 * @typedef {object} Facts
 * @property {string} name
 * @property {number} rows
 * @property {number} nulls
 * @property {number | null} distinct
 * @property {string | null} min
 * @property {string | null} max
 * @property {string | null} mean
 * @property {string | null} std
 * @property {string | null} median
 * @property {{low: string | null, count: number}[]} [steps]
 * @property {{value: string | null, count: number}[]} [top]
 */

const AT_ONCE = 4;

export class ProfileTab {
  /** @param {import("./explorer.js").Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    this.channel = explorer.channel;
    this.pane = new Pane(explorer.channel, "Profile of the columns");
    this.element = this.pane.element;
    this.round = 0;
    this.done = -1;
    /** @type {{cancel: () => void} | null} */
    this.running = null;
    /** @type {Map<string, HTMLElement>} */
    this.cards = new Map();
    this.words = h("span", { role: "status" });
    this.bar = h("progress", { class: "mdb-profile-bar", max: 1, value: 0, "aria-label": "Columns profiled" });
    this.stop = h("button", { class: "mdb-button", type: "button", onclick: () => this.cancel() }, icon("stop"), "Cancel");
    this.again = h("button", { class: "mdb-button", type: "button", hidden: true, onclick: () => this.start() }, icon("reload"), "Profile again");
    this.head = h("div", { class: "mdb-profile-head" }, this.words, this.bar, this.stop, this.again);
    this.grid = h("div", { class: "mdb-cards" });
  }

  open() {
    this.quit();
    this.pane.clear();
    this.done = -1;
  }

  /** Other filters, another order: what is on screen is profiled as it is now. */
  enter() {
    if (this.explorer.opened && this.done !== this.explorer.data.grid.store.epoch) this.start();
  }

  focus() {
    this.pane.body.focus({ preventScroll: true });
  }

  dispose() {
    this.quit();
    this.pane.drop();
  }

  quit() {
    this.round += 1;
    this.running?.cancel();
    this.running = null;
  }

  cancel() {
    this.quit();
    this.over("Cancelled");
  }

  start() {
    this.quit();
    const { epoch } = this.explorer.data.grid.store;
    this.done = epoch;
    const words = { title: "Counting the rows …", failed: "The rows can’t be profiled", cancellable: true };
    this.pane.load("profile", { epoch }, words, (message) => this.fill(epoch, message));
  }

  /** @param {number} epoch @param {{rows: number, note: string, columns: ProfiledColumn[]}} found */
  async fill(epoch, { rows, note, columns }) {
    const { round } = this;
    this.about = `${plural(rows, "row")}${note ? ` · ${note}` : ""}`;
    this.cards = new Map(columns.map((column) => [column.name, this.emptyCard(column)]));
    this.grid.replaceChildren(...this.cards.values());
    this.pane.body.replaceChildren(this.head, this.grid);
    this.begun();
    try {
      for (let at = 0; at < columns.length; at += AT_ONCE) {
        const some = columns.slice(at, at + AT_ONCE);
        const job = this.channel.job("profile_columns", { epoch, columns: some.map(({ name }) => name) });
        this.running = job;
        const { message } = await job.answer;
        if (round !== this.round) return;
        for (const facts of message.columns) this.fillCard(facts);
        this.bar.value = Math.min(1, (at + some.length) / columns.length);
      }
      this.over("");
    } catch (error) {
      if (round !== this.round) return;
      if (error instanceof KernelError && error.stale) this.done = -1;
      this.over(errorText(error));
    }
  }

  begun() {
    this.words.textContent = this.about ?? "";
    this.bar.value = 0;
    this.bar.hidden = this.stop.hidden = false;
    this.again.hidden = true;
  }

  /** @param {string} trouble */
  over(trouble) {
    this.running = null;
    this.bar.hidden = this.stop.hidden = true;
    this.again.hidden = !trouble;
    this.words.textContent = [this.about, trouble].filter(Boolean).join(" · ");
    for (const card of this.cards.values()) card.classList.remove("mdb-fact-waiting");
  }

  /** @param {ProfiledColumn} column */
  emptyCard({ name, kind, type }) {
    return h("section", { class: "mdb-fact-card mdb-fact-waiting", "aria-label": name }, h("h3", { class: "mdb-fact-name", title: type }, h("span", { class: "mdb-badge" }, badge(kind)), h("span", {}, name)));
  }

  /** @param {Facts} facts */
  fillCard(facts) {
    const card = this.cards.get(facts.name);
    if (!card) return;
    card.classList.remove("mdb-fact-waiting");
    const { rows, nulls, distinct } = facts;
    const present = rows - nulls;
    const unique = present > 1 && distinct === present;
    card.append(
      ...(facts.steps?.length ? [this.spread(facts)] : facts.top?.length ? [this.topList(facts.top, present)] : []),
      h(
        "dl",
        { class: "mdb-fact-list" },
        ...fact("NULL", nulls ? `${group(nulls)} · ${percent(nulls, rows)}` : "none", nulls ? "" : "mdb-faint"),
        ...fact("Distinct", distinct === null ? "" : unique ? `${group(distinct)} · all different` : group(distinct)),
        ...(facts.steps?.length ? [] : [...fact("Lowest", facts.min ?? ""), ...fact("Highest", facts.max ?? "")]),
        ...fact("Mean", facts.mean === null ? "" : facts.std === null ? facts.mean : `${facts.mean} ± ${facts.std}`),
        ...fact("Median", facts.median ?? ""),
      ),
    );
  }

  /** @param {Facts} facts */
  spread({ name, steps, min, max }) {
    const found = steps ?? [];
    const most = found.reduce((a, b) => (b.count > a.count ? b : a));
    const label = `${name} from ${min} to ${max}; most rows, ${group(most.count)}, from ${most.low}`;
    return h("div", { class: "mdb-spread" }, histogramPicture(found, label), h("div", { class: "mdb-spread-ends" }, h("span", { title: min ?? "" }, dayOf(min)), found.length > 1 && h("span", { title: max ?? "" }, dayOf(max))));
  }

  /** @param {{value: string | null, count: number}[]} top @param {number} present */
  topList(top, present) {
    return h("ol", { class: "mdb-top-values" }, ...top.map(({ value, count }) => {
      const line = h("li", { title: `${value}: ${group(count)}` }, h("span", { class: "mdb-top-value" }, value === "" ? h("i", {}, "empty") : value ?? ""), h("span", { class: "mdb-top-count" }, percent(count, present)));
      line.style.setProperty("--mdb-share", `${(100 * count) / Math.max(1, present)}%`);
      return line;
    }));
  }
}

/** A moment by its day, where there is little room; all else whole. @param {string | null} text */
export const dayOf = (text) => (text && /^\d{4}-\d\d-\d\d[ T]/.test(text) ? text.slice(0, 10) : text ?? "");

/** A term and what it is; nothing where nothing is known. @param {string} term @param {string} text @param {string} [look] */
const fact = (term, text, look = "") => (text ? [h("dt", {}, term), h("dd", { class: look }, text)] : []);
