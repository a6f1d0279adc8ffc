/** The explorer's tab "SQL": a box for a statement that only reads, and its rows in the same grid. */

import { errorText, group, h, icon, noticeBox } from "./core.js";
import { Grid } from "./data_grid.js";
import { ActionMenu } from "./grid_menu.js";
import { Clipboard } from "./grid_clipboard.js";
import { SqlBox } from "./sql_box.js";
import { errorSpot } from "./sql_text.js";

/** Messages to the grid of one tab; all else is that of the panel's channel. */
export class TabChannel {
  /** @param {import("./core.js").Channel} channel @param {string} to */
  constructor(channel, to) {
    this.channel = channel;
    this.to = to;
    this.watchers = channel.watchers;
  }

  get late() {
    return this.channel.late;
  }

  /** @param {string} type @param {object} [body] @param {any} [options] */
  request(type, body = {}, options = {}) {
    return this.channel.request(type, { ...body, to: this.to }, options);
  }

  /** @param {string} type @param {object} [body] */
  job(type, body = {}) {
    return this.channel.job(type, { ...body, to: this.to });
  }
}

export class SqlTab {
  /** @param {import("./explorer.js").Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    this.channel = explorer.channel;
    /** @type {{cancel: () => void} | null} */
    this.running = null;
    this.alias = explorer.alias;
    this.box = new SqlBox(this.channel, { onrun: () => this.run() });
    this.button = h("button", { class: "mdb-button mdb-primary", type: "button", title: "Ctrl+Enter", onclick: () => (this.running ? this.running.cancel() : this.run()) });
    this.past = h("button", { class: "mdb-button", type: "button", "aria-haspopup": "menu", onclick: () => this.openHistory() }, "History", icon("chevron"));
    this.status = h("span", { class: "mdb-sql-status", role: "status" });
    const bar = h("div", { class: "mdb-sql-bar" }, this.button, this.past, this.status, h("span", { class: "mdb-gap" }), h("span", { class: "mdb-faint" }, "reads only"));
    this.notice = h("div", { class: "mdb-notices" });
    const channel = /** @type {import("./core.js").Channel} */ (/** @type {unknown} */ (new TabChannel(this.channel, "sql")));
    this.grid = new Grid(channel, { onsize: (text) => this.sized(text) }, [(grid) => new Clipboard(grid)]);
    this.rows = h("div", { class: "mdb-sql-rows" }, this.grid.element, this.notice);
    this.element = h("div", { class: "mdb-sql" }, this.box.element, bar, this.rows);
    this.menu = new ActionMenu(this.element, "Statements that were run");
    this.spent = "";
    this.paintButton();
    this.say({ look: "empty", title: "Ask in SQL", text: "The statement runs in a session that can’t write. Ctrl+Enter runs it." });
  }

  /** Another table of the same database changes nothing here; another database is asked anew. */
  open() {
    if (this.alias === this.explorer.alias) return;
    this.alias = this.explorer.alias;
    this.running?.cancel();
    this.box.history = null;
    this.status.textContent = "";
    this.say({ look: "empty", title: `Ask ${this.alias} in SQL`, text: "The rows that were here came from another database." });
  }

  enter() {
    this.box.loadHistory();
  }

  focus() {
    this.box.text.focus({ preventScroll: true });
  }

  dispose() {
    this.running?.cancel();
    this.menu.close();
    this.box.dispose();
    this.grid.dispose();
  }

  /** @param {Parameters<typeof noticeBox>[0] | null} notice */
  say(notice) {
    this.notice.replaceChildren(...(notice ? [noticeBox(notice)] : []));
  }

  paintButton() {
    this.button.replaceChildren(...(this.running ? [icon("stop"), "Cancel"] : [icon("play"), "Run"]));
  }

  /** @param {string} text */
  sized(text) {
    const capped = this.grid.store.exact && this.grid.length >= 100_000;
    this.status.textContent = [capped ? `first ${group(this.grid.length)} rows` : text, this.spent].filter(Boolean).join(" · ");
  }

  async run() {
    if (this.running) return;
    const sql = this.box.text.value;
    const job = this.channel.job("sql_run", { sql });
    this.running = job;
    this.box.mark(null);
    this.paintButton();
    this.status.textContent = "Running …";
    try {
      const { message } = await job.answer;
      this.box.ran(sql);
      this.show(message);
    } catch (error) {
      this.failed(sql, errorText(error));
    } finally {
      this.running = null;
      this.paintButton();
    }
  }

  /** @param {any} found */
  show(found) {
    this.spent = found.seconds < 0.01 ? "under 10 ms" : `${found.seconds} s`;
    this.status.textContent = this.spent;
    if (!found.gives_rows) return this.say({ look: "empty", title: "Done", text: "The statement gives no rows." });
    this.say(null);
    return this.grid.open(found);
  }

  /** @param {string} sql @param {string} text */
  failed(sql, text) {
    this.status.textContent = "";
    this.box.ran(sql);
    // The statement stands in the box already.
    this.say({ look: "error", title: `${this.explorer.alias} did not run it`, text: text.split("\nStatement: ")[0] });
    this.box.mark(errorSpot(sql, text));
  }

  async openHistory() {
    const statements = await this.box.loadHistory();
    const items = [...statements].reverse().slice(0, 30).map((sql) => ({ label: sql.replace(/\s+/g, " ").slice(0, 90), run: () => this.box.put(sql) }));
    const { left, top, bottom } = this.past.getBoundingClientRect();
    this.menu.open(items.length ? items : [{ label: "Nothing was run yet", run: () => undefined, refused: "" }], left, bottom + 2, top - 2);
  }
}
