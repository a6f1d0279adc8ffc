/** What the tabs share that read something of their own: a scrolling body, "reading …", and errors with a way on. */

import { errorText, h, noticeBox } from "./core.js";

export class Pane {
  /** @param {import("./core.js").Channel} channel @param {string} label */
  constructor(channel, label) {
    this.channel = channel;
    this.visit = 0;
    /** @type {{cancel: () => void} | null} what is being read */
    this.running = null;
    this.body = h("div", { class: "mdb-pane", tabindex: 0, role: "region", "aria-label": label });
    this.notice = h("div", { class: "mdb-notices" });
    this.element = h("div", { class: "mdb-pane-frame" }, this.body, this.notice);
  }

  /** @param {Parameters<typeof noticeBox>[0] | null} notice */
  say(notice) {
    this.notice.replaceChildren(...(notice ? [noticeBox(notice)] : []));
  }

  /** Nothing to show; what was asked for is not waited for. */
  clear() {
    this.drop();
    this.body.replaceChildren();
    this.say(null);
  }

  /** Give up what is being read. */
  drop() {
    this.visit += 1;
    this.running?.cancel();
    this.running = null;
  }

  /**
   * Ask the kernel and show the answer; an answer that comes after another question is dropped.
   * @param {string} type
   * @param {object} body
   * @param {{title: string, failed: string, cancellable?: boolean}} words
   * @param {(message: any) => void} paint
   */
  async load(type, body, words, paint) {
    this.drop();
    const { visit } = this;
    const again = () => this.load(type, body, words, paint);
    const job = this.channel.job(type, body);
    this.running = job;
    const stop = words.cancellable ? { action: "Cancel", onaction: () => job.cancel() } : {};
    this.say({ look: "busy", title: words.title, ...stop });
    try {
      const { message } = await job.answer;
      if (visit !== this.visit) return;
      this.say(null);
      this.running = null;
      paint(message);
    } catch (error) {
      if (visit !== this.visit) return;
      this.running = null;
      this.say({ look: "error", title: words.failed, text: errorText(error), action: "Try again", onaction: again });
    }
  }
}

/**
 * A part of a pane under a heading.
 * @param {string} title
 * @param {string} note beside it
 * @param {...any} content
 */
export const section = (title, note, ...content) =>
  h("section", { class: "mdb-section" }, h("h3", { class: "mdb-heading" }, title, note && h("span", { class: "mdb-heading-note" }, note)), ...content);

/** Whether there is nothing in a cell. @param {Node | string | null} cell */
const bareCell = (cell) => !(cell instanceof Node ? cell.textContent : cell)?.trim();

/**
 * A plain table; columns without any content are left out.
 * @param {string[]} names
 * @param {(Node | string | null)[][]} rows
 * @param {string} label
 */
export function sheet(names, rows, label) {
  const kept = (/** @type {unknown} */ _, /** @type {number} */ at) => rows.some((row) => !bareCell(row[at]));
  const header = h("tr", {}, ...names.filter(kept).map((name) => h("th", { scope: "col" }, name)));
  const lines = rows.map((row) => h("tr", {}, ...row.filter(kept).map((cell) => h("td", {}, cell))));
  return h("div", { class: "mdb-facts-frame" }, h("table", { class: "mdb-facts-table", "aria-label": label }, h("thead", {}, header), h("tbody", {}, ...lines)));
}

/** A small word in a frame: "PK". @param {string} text @param {boolean} [key] */
export const keyBadge = (text, key = false) => h("span", { class: `mdb-key-badge${key ? " mdb-key-badge-strong" : ""}` }, text);

/** @param {string} text */
export const monoText = (text) => h("span", { class: "mdb-mono" }, text);
