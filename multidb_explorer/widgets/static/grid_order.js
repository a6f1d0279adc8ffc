/** The order of the rows: sorts that are done at once, those that ask first, and what is found out in the background. */

import { KernelError, compact, errorText, group, h, icon, plural } from "./core.js";

/** @typedef {import("./columns.js").SortKey} SortKey */
/**
 * @typedef {object} SortQuestion
 * @property {string[]} columns
 * @property {number} rows
 * @property {boolean} exact
 * @property {string[]} indexed columns that sort at once
 * @property {number} first how many rows are had without sorting all
 */

/** From how many rows on a sort may be one that the kernel asks about. */
const ASKS_FROM = 1_000_000;
/** Rows that are counted quickly before all are. */
const COUNTED_FIRST = 100_000;

/** How far a job is, in words. @param {{done: number, total: number | null}} progress */
export function progressText({ done, total }) {
  if (!done) return "";
  if (!total || done > total) return plural(done, "row");
  return `${Math.floor((100 * done) / total)} %`;
}

export class GridOrder {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    this.counted = false;
    this.prepared = false;
    this.asking = false;
    /** @type {number | null} */
    this.firstRows = null;
    /** What runs for the rows on screen. */
    this.stop = new AbortController();
    /** @type {AbortController | null} */
    this.sorting = null;
    this.bar = h("div", { class: "mdb-ask", role: "group", "aria-label": "Sort", hidden: true });
    grid.top.append(this.bar);
    this.counting = h("button", { class: "mdb-link mdb-counting", type: "button", hidden: true, onclick: () => this.stopCounting(), title: "Stop counting the rows in the database" }, h("span", { class: "mdb-spinner" }), "Stop counting");
    grid.foot.actions.append(this.counting);
  }

  // ------------------------------------------------------------------ sorting

  /**
   * Where it can't take long the epoch grows here and travels with the request, so that the first page need not wait
   * for the answer.
   * @param {SortKey[]} keys
   * @param {"" | "first"} [how]
   */
  async sort(keys, how = "") {
    const { grid } = this;
    const { store } = grid;
    const before = grid.sort;
    const epoch = store.epoch + 1;
    const first = grid.columns.find(({ name }) => name === keys[0]?.column);
    const quick = !how && this.firstRows === null && (keys.length === 0 || (keys.length === 1 && Boolean(first?.indexed)) || (store.exact && store.length <= ASKS_FROM));
    const { exact, rowCount } = store;
    this.close();
    const asked = grid.channel.request("sort", { epoch, keys, how });
    if (quick) this.show({ epoch, row_count: exact ? rowCount : null, row_estimate: rowCount, sort: keys });
    try {
      const { message } = await asked;
      if (message.ask) {
        if (quick) await grid.resync();
        this.ask(keys, message.ask);
      } else if (!quick) this.show(message);
    } catch (error) {
      grid.sort = before;
      grid.say(errorText(error), "bad");
    }
  }

  /** @param {any} state */
  show(state) {
    const { grid } = this;
    if (state.epoch <= grid.store.epoch) return;
    grid.y = 0;
    grid.corner = grid.active;
    grid.renew(state);
  }

  /** An order that no index has: say so before anything runs. @param {SortKey[]} keys @param {SortQuestion} question */
  ask(keys, question) {
    const { grid } = this;
    this.asking = true;
    const rows = `${question.exact ? "" : "about "}${compact(question.rows)}`;
    const names = question.columns.join(", ");
    const choices = grid.columns.filter(({ name }) => question.indexed.includes(name)).slice(0, 4);
    this.say(
      icon("warning"),
      h("span", { class: "mdb-ask-text" }, h("b", {}, `No index sorts by ${names}.`), ` The database would read and sort ${rows} rows.`),
      h("button", { class: "mdb-button", type: "button", onclick: () => this.sortAll(keys) }, "Sort all in the background"),
      h("button", { class: "mdb-button", type: "button", onclick: () => this.sort(keys, "first") }, `First ${group(question.first)} only`),
      choices.length > 0 && h("span", { class: "mdb-ask-hint" }, "Indexed: ", ...choices.flatMap(({ name }, at) => [at ? ", " : "", h("button", { class: "mdb-link", type: "button", onclick: () => this.sort([{ column: name, descending: false }]) }, name)])),
      this.closer("Keep the order as it is"),
    );
    this.bar.querySelector("button")?.focus({ preventScroll: true });
  }

  /** The old order stays on screen until the new one is there, complete. @param {SortKey[]} keys */
  async sortAll(keys) {
    const { grid } = this;
    const stop = new AbortController();
    const names = keys.map(({ column }) => column).join(", ");
    const far = h("span", { class: "mdb-ask-far" });
    const meter = h("progress", { class: "mdb-meter", max: "100", "aria-label": `Sorting by ${names}` });
    this.sorting = stop;
    this.asking = false;
    this.say(
      h("span", { class: "mdb-spinner" }),
      h("span", { class: "mdb-ask-text", role: "status" }, `Sorting by ${names} in the database. You can go on meanwhile.`),
      meter,
      far,
      h("button", { class: "mdb-button", type: "button", onclick: () => stop.abort() }, "Cancel"),
    );
    grid.view.focus({ preventScroll: true });
    const onprogress = (/** @type {any} */ told) => {
      far.textContent = progressText(told);
      if (told.total) meter.value = Math.min(100, (100 * told.done) / told.total);
    };
    try {
      const { message } = await grid.channel.request("sort", { epoch: grid.store.epoch, keys, how: "all" }, { background: true, signal: stop.signal, onprogress });
      this.close(stop);
      this.show(message);
      grid.say(`Sorted by ${names}`, "good");
    } catch (error) {
      this.close(stop);
      const cancelled = error instanceof KernelError && (error.cancelled || error.stale);
      grid.say(cancelled ? `The sort by ${names} was stopped` : errorText(error), cancelled ? "" : "bad");
    }
  }

  /** @param {...any} children */
  say(...children) {
    this.bar.replaceChildren(...children.filter(Boolean));
    this.bar.hidden = false;
  }

  /** @param {string} label */
  closer(label) {
    return h("button", { class: "mdb-tool", type: "button", title: label, "aria-label": label, onclick: () => { this.close(); this.grid.view.focus({ preventScroll: true }); } }, icon("close"));
  }

  /** @param {AbortController | null} [whose] only where this sort is still the one on show */
  close(whose = null) {
    if (whose && this.sorting !== whose) return;
    if (!whose) this.sorting?.abort();
    this.sorting = null;
    this.asking = false;
    this.bar.hidden = true;
    this.bar.replaceChildren();
  }

  // ------------------------------------------------------------------ in the background

  /** @param {{row_count: number | null, first_rows?: number | null}} state */
  renewed(state) {
    this.stop.abort();
    this.stop = new AbortController();
    this.counted = state.row_count !== null;
    this.prepared = false;
    this.counting.hidden = true;
    if (state.first_rows !== undefined) this.firstRows = state.first_rows;
    if (this.firstRows !== null) this.tellFirst();
    else if (!this.sorting && !this.asking) this.close();
  }

  tellFirst() {
    this.say(
      icon("warning"),
      h("span", { class: "mdb-ask-text" }, `Only the first ${group(this.firstRows ?? 0)} rows of this order.`),
      h("button", { class: "mdb-button", type: "button", onclick: () => this.sortAll(this.grid.sort) }, "Sort all in the background"),
      h("button", { class: "mdb-button", type: "button", onclick: () => this.sort([]) }, "Show all, unsorted"),
    );
  }

  /** Begin again what the kernel stopped, so that it could write, where the rows are the same as before. */
  resume() {
    const { store } = this.grid;
    store.retry();
    this.counted = store.exact;
    this.prepared = false;
    this.rowsCame();
  }

  /** Once the first rows are on screen: how many there are, then what makes far jumps quick. */
  async rowsCame() {
    if (this.counted && this.prepared) return;
    const { grid } = this;
    const { epoch } = grid.store;
    const { signal } = this.stop;
    const counts = !this.counted;
    this.counted = this.prepared = true;
    try {
      if (counts) await this.count(epoch, signal);
      if (epoch === grid.store.epoch && !signal.aborted) await grid.channel.request("prepare", { epoch }, { background: true, signal });
    } catch (error) {
      // Pages are read without it too; what was stopped was stopped on purpose.
      if (epoch === grid.store.epoch && !(error instanceof KernelError && (error.cancelled || error.stale))) grid.say(errorText(error), "bad");
    }
  }

  /** An estimate at once, then the exact number. @param {number} epoch @param {AbortSignal} signal */
  async count(epoch, signal) {
    const { grid } = this;
    const { store } = grid;
    const ask = (/** @type {object} */ body) => grid.channel.request("count", { epoch, ...body }, { background: true, signal });
    const roughly = store.rowCount === null;
    try {
      if (roughly && !store.exact) this.take(epoch, (await ask({ most: COUNTED_FIRST })).message);
      if (epoch !== store.epoch || store.exact) return;
      const shown = setTimeout(() => (this.counting.hidden = false), 700);
      try {
        this.take(epoch, (await ask({})).message);
      } finally {
        clearTimeout(shown);
        this.counting.hidden = true;
      }
    } catch (error) {
      if (epoch !== store.epoch) return;
      const stopped = error instanceof KernelError && error.cancelled;
      // Where the kernel stopped it, for other rows or for a write, nothing else may be begun: it says what comes next.
      if (stopped && !signal.aborted) throw error;
      if (stopped) grid.say("Counting was stopped");
      else grid.say(`The rows could not be counted: ${errorText(error)}`, "bad");
    }
  }

  /** @param {number} epoch @param {any} counted */
  take(epoch, counted) {
    const { grid } = this;
    if (epoch !== grid.store.epoch || typeof counted.row_count !== "number") return;
    grid.store.rowCount = counted.row_count;
    grid.store.exact = counted.exact !== false;
    grid.clamp();
    grid.look();
    grid.ask();
  }

  stopCounting() {
    this.counting.hidden = true;
    this.stop.abort();
    this.stop = new AbortController();
    this.grid.view.focus({ preventScroll: true });
  }

  /** Nobody waits for what runs any more. */
  dispose() {
    this.stop.abort();
    this.sorting?.abort();
  }

  paint() {
    const { element } = this.grid;
    element.classList.toggle("mdb-first-rows", this.firstRows !== null);
  }
}
