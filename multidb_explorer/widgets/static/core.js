/**
 * What every panel shares: elements, icons, the message channel and small pure functions.
 * A value from a database only ever becomes a text node; nothing in this package writes markup.
 */

/**
 * The part of the anywidget model that the panels use.
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(event: string, callback: (...args: any[]) => void) => void} on
 * @property {(event: string, callback: (...args: any[]) => void) => void} off
 * @property {(content: object, callbacks?: any, buffers?: ArrayBuffer[]) => void} send
 */

/**
 * How one alias looks on screen; the kernel offers these and the browser never invents one.
 * @typedef {object} AliasMark
 * @property {string} alias
 * @property {string} label
 * @property {string | null} color
 * @property {string} engine
 * @property {boolean} read_only
 * @property {string} confirm
 */

/**
 * @typedef {object} Answer
 * @property {any} message
 * @property {DataView[]} data
 */

/** @typedef {[number, number]} Interval rows from the first to the last, both included */

/** @param {unknown} child */
const isChild = (child) => child !== null && child !== undefined && child !== false;

/**
 * Make an element. Properties that start with "on" are listeners, the others attributes.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [props]
 * @param {...any} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (!isChild(value)) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter(isChild));
  return node;
}

/** Outlines on a 16 by 16 field, drawn with the colour of the text around them. */
const ICONS = {
  table: "M2.5 3.5h11v9h-11zM2.5 6.5h11M6.5 6.5v6",
  view: "M1.8 8s2.3-4 6.2-4 6.2 4 6.2 4-2.3 4-6.2 4-6.2-4-6.2-4zM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z",
  lock: "M4 7.5h8v5.5H4zM5.7 7.5V5.3a2.3 2.3 0 0 1 4.6 0v2.2",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.4 10.4l3.3 3.3",
  chevron: "M4.5 6.5L8 10l3.5-3.5",
  check: "M3.2 8.5l3.1 3.1 6.5-7",
  warning: "M8 2.2l6.3 11.1H1.7zM8 6.3v3.4M8 11.4v.3",
  trash: "M3 4.5h10M6.2 4.5V3h3.6v1.5M4.3 4.5l.6 8.5h6.2l.6-8.5M6.8 7v3.6M9.2 7v3.6",
  send: "M2.5 8h9.2M8.2 4.4L11.8 8l-3.6 3.6M13.8 3.2v9.6",
  reload: "M13 8a5 5 0 1 1-1.6-3.7M13.2 2.4v2.8h-2.8",
  panel: "M2.5 3.5h11v9h-11zM6.3 3.5v9",
  up: "M8 12.6V3.8M4.4 7.2L8 3.6l3.6 3.6",
  down: "M8 3.4v8.8M4.4 8.8L8 12.4l3.6-3.6",
  empty: "M2.5 9.5l2-6h7l2 6v3.5h-11zM2.5 9.5h3.3l.9 1.6h2.6l.9-1.6h3.3",
  plus: "M8 3.2v9.6M3.2 8h9.6",
  key: "M5.2 10.8a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2zM7.8 8.2h5.7v2.4M11 8.2v1.8",
  plug: "M5.5 2.5v3M10.5 2.5v3M3.8 5.5h8.4v2.2a4.2 4.2 0 0 1-8.4 0zM8 11.9v2.6",
  copy: "M5.5 5.5h7.5v8h-7.5zM3 10.5v-8h7.5",
  play: "M4.8 3.2l8 4.8-8 4.8z",
  stop: "M4.5 4.5h7v7h-7z",
  back: "M9.6 3.6L5.2 8l4.4 4.4",
  column: "M4.5 8h7",
  schema: "M2.5 4.5h4l1.2 1.6h5.8v6.4h-11z",
  calendar: "M2.5 4h11v9.5h-11zM2.5 7h11M5.5 2.5v3M10.5 2.5v3",
  undo: "M6 3.5L2.8 6.7 6 9.9M3 6.7h6.2a3.6 3.6 0 0 1 0 7.2H6",
  redo: "M10 3.5l3.2 3.2L10 9.9M13 6.7H6.8a3.6 3.6 0 0 0 0 7.2H10",
  code: "M5.5 4.5L2 8l3.5 3.5M10.5 4.5L14 8l-3.5 3.5",
  pencil: "M3 13l.6-2.7L10.9 3l2.1 2.1-7.3 7.3zM9.6 4.3l2.1 2.1",
  conflict: "M3 3.5h4v9H3zM9 3.5h4v9H9z",
  close: "M4.2 4.2l7.6 7.6M11.8 4.2l-7.6 7.6",
  filter: "M2.5 3.5h11L9.3 8.6v4.2l-2.6-1.4V8.6z",
  columns: "M2.5 3.5h11v9h-11zM6.2 3.5v9M9.8 3.5v9",
  pin: "M6 2.5h4l-.6 4 2.1 2.2h-7l2.1-2.2zM8 8.7v4.8",
  left: "M12.6 8H3.8M7.2 4.4L3.6 8l3.6 3.6",
  right: "M3.4 8h8.8M8.8 4.4L12.4 8l-3.6 3.6",
  link: "M6.5 3.5h-3v9h9v-3M9 3.5h3.5V7M12.3 3.7L7.2 8.8",
  download: "M8 2.8v7.4M4.8 7.2L8 10.4l3.2-3.2M3 13h10",
};

/**
 * An outline icon, hidden from screen readers: the text beside it says what it means.
 * @param {keyof typeof ICONS} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `mdb-icon mdb-icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

let counter = 0;

/**
 * An element id that is unique in the page, also when a notebook shows a panel twice.
 * @param {string} stem
 */
export function uniqueId(stem) {
  counter += 1;
  return `mdb-${stem}-${Math.random().toString(36).slice(2, 8)}-${counter}`;
}

/** What the kernel refused, in words for the user. */
export class KernelError extends Error {
  /**
   * @param {string} text
   * @param {any} message the whole answer
   */
  constructor(text, message = {}) {
    super(text);
    this.message_ = message;
    this.stale = Boolean(message.stale);
    this.cancelled = Boolean(message.cancelled);
  }
}

/** Any thrown thing in words. @param {unknown} error */
export const errorText = (error) => (error instanceof Error ? error.message : String(error));

/** Requests to the kernel, each answered by its id; one channel serves all parts of a panel. */
export class Channel {
  /**
   * @param {Model} model
   * @param {number} patience milliseconds until an open request counts as late
   */
  constructor(model, patience = 1500) {
    this.model = model;
    this.patience = patience;
    this.prefix = uniqueId("q");
    this.next = 0;
    this.late = false;
    /** @type {Set<(late: boolean) => void>} */
    this.watchers = new Set();
    /** @type {Map<string, {resolve: (answer: Answer) => void, reject: (error: Error) => void, timer: any, onprogress?: (message: any) => void}>} */
    this.open = new Map();
    this.listener = (/** @type {any} */ message, /** @type {DataView[]} */ data) => this.receive(message, data);
    model.on("msg:custom", this.listener);
  }

  /**
   * @param {string} type
   * @param {object} [body]
   * @param {{background?: boolean, signal?: AbortSignal, onprogress?: (message: any) => void}} [options] background: a long job whose slowness is no sign of trouble; signal: stops it in the database
   * @returns {Promise<Answer>}
   */
  request(type, body = {}, options = {}) {
    this.next += 1;
    const id = `${this.prefix}-${this.next}`;
    return new Promise((resolve, reject) => {
      const timer = options.background ? null : setTimeout(() => this.setLate(true), this.patience);
      this.open.set(id, { resolve, reject, timer, onprogress: options.onprogress });
      this.model.send({ type, id, ...body });
      options.signal?.addEventListener("abort", () => this.cancel(id), { once: true });
    });
  }

  /** @param {string} target */
  cancel(target) {
    if (!this.open.has(target)) return;
    this.next += 1;
    this.model.send({ type: "cancel", id: `${this.prefix}-${this.next}`, target });
  }

  /**
   * A long request that can be stopped in the database; its answer is then an error.
   * @param {string} type
   * @param {object} [body]
   */
  job(type, body = {}) {
    const answer = this.request(type, body, { background: true });
    const target = `${this.prefix}-${this.next}`;
    return { answer, cancel: () => void this.request("cancel", { target }, { background: true }).catch(() => undefined) };
  }

  /**
   * @param {any} message
   * @param {DataView[]} data
   */
  receive(message, data) {
    const waiting = this.open.get(message?.id);
    if (!waiting) return;
    if (message.type === "progress") {
      waiting.onprogress?.(message);
      return;
    }
    this.open.delete(message.id);
    clearTimeout(waiting.timer);
    this.setLate(false);
    if (message.type === "err") waiting.reject(new KernelError(message.message, message));
    else waiting.resolve({ message, data: data ?? [] });
  }

  /** @param {boolean} late */
  setLate(late) {
    if (late === this.late) return;
    this.late = late;
    for (const watcher of this.watchers) watcher(late);
  }

  dispose() {
    this.model.off("msg:custom", this.listener);
    for (const { timer } of this.open.values()) clearTimeout(timer);
    this.open.clear();
    this.watchers.clear();
  }
}

/** 1234567 → "1,234,567", the same in every locale so that it can be typed back. @param {number} n */
export const group = (n) => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ",");

/** "1 row", "2 rows". @param {number} n @param {string} noun */
export const plural = (n, noun) => `${group(n)} ${noun}${n === 1 ? "" : "s"}`;

/** 1234 → "1.2k": for the narrow places. @param {number} n */
export function compact(n) {
  for (const [size, unit] of /** @type {[number, string][]} */ ([[1e9, "B"], [1e6, "M"], [1e3, "k"]])) {
    if (n >= size) return `${(n / size).toFixed(n < 9.95 * size ? 1 : 0).replace(".0", "")}${unit}`;
  }
  return String(n);
}

/** @param {number} size */
export function byteSize(size) {
  if (size < 1000) return `${size} B`;
  if (size < 1e6) return `${(size / 1e3).toFixed(1)} kB`;
  return size < 1e9 ? `${(size / 1e6).toFixed(1)} MB` : `${(size / 1e9).toFixed(1)} GB`;
}

/**
 * The zero-based row that a user typed as "5,000,001" or "50%", held inside the table.
 * @param {string} text
 * @param {number} count
 * @returns {number | null} null when it is no number
 */
export function parseRow(text, count) {
  const plain = text.replace(/[\s,_.']/g, "");
  const percent = /^(\d+)%$/.exec(plain);
  if (!percent && !/^\d+$/.test(plain)) return null;
  const row = percent ? Math.floor((Number(percent[1]) / 100) * count) : Number(plain) - 1;
  return Math.max(0, Math.min(row, count - 1));
}

/**
 * @param {readonly Interval[]} list sorted, apart from each other
 * @param {number} from
 * @param {number} to
 * @returns {Interval[]}
 */
export function addRows(list, from, to) {
  /** @type {Interval[]} */
  const result = [];
  let [low, high] = from <= to ? [from, to] : [to, from];
  for (const [a, b] of list) {
    if (b < low - 1 || a > high + 1) result.push([a, b]);
    else [low, high] = [Math.min(low, a), Math.max(high, b)];
  }
  result.push([low, high]);
  return result.sort((left, right) => left[0] - right[0]);
}

/**
 * @param {readonly Interval[]} list
 * @param {number} from
 * @param {number} to
 * @returns {Interval[]}
 */
export function removeRows(list, from, to) {
  const [low, high] = from <= to ? [from, to] : [to, from];
  return list.flatMap(([a, b]) => {
    /** @type {Interval[]} */
    const rest = [];
    if (a < low) rest.push([a, Math.min(b, low - 1)]);
    if (b > high) rest.push([Math.max(a, high + 1), b]);
    return rest;
  });
}

/** @param {readonly Interval[]} list @param {number} row */
export const hasRow = (list, row) => list.some(([a, b]) => a <= row && row <= b);

/** @param {readonly Interval[]} list */
export const countRows = (list) => list.reduce((sum, [a, b]) => sum + b - a + 1, 0);

/**
 * One block of rows as the kernel sends it: columns of values, each with the tag of its kind.
 * @param {DataView} buffer
 * @returns {{rows: number, columns: {tag: string, values: any[]}[]}}
 */
export const decodeBlock = (buffer) =>
  JSON.parse(new TextDecoder().decode(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)));

/**
 * @typedef {object} Shown
 * @property {string} text what stands in the cell
 * @property {"" | "null" | "empty" | "bytes" | "cut" | "yes" | "no" | "mono"} look
 * @property {string} mark a note at the right edge, for values that are not shown whole
 */

/**
 * How one encoded value is shown.
 * @param {string} tag
 * @param {any} value
 * @returns {Shown}
 */
export function showValue(tag, value) {
  if (value === null || value === undefined) return { text: "NULL", look: "null", mark: "" };
  if (tag === "binary") return { text: `0x${value.hex}${value.size * 2 > value.hex.length ? "…" : ""}`, look: "bytes", mark: byteSize(value.size) };
  if (typeof value === "object") return { text: oneLine(value.text), look: "cut", mark: `${compact(value.length)} chars` };
  if (value === "") return { text: "", look: "empty", mark: "" };
  if (typeof value === "boolean") return { text: String(value), look: value ? "yes" : "no", mark: "" };
  if (tag === "uuid" || tag === "json" || tag === "array") return { text: oneLine(String(value)), look: "mono", mark: "" };
  return { text: typeof value === "string" ? oneLine(value) : String(value), look: "", mark: "" };
}

/** @param {string} text */
const oneLine = (text) => text.replace(/\r\n|\r|\n/g, "⏎").replace(/\t/g, "⇥");

/** The value as the clipboard gets it: line breaks kept, NULL as nothing. @param {string} tag @param {any} value */
export function plainValue(tag, value) {
  if (value === null || value === undefined) return "";
  if (tag === "binary") return value.hex;
  return typeof value === "object" ? value.text : String(value);
}

/**
 * Rows as tab-separated text, quoted the way spreadsheets read it.
 * @param {string[][]} rows
 */
export const toTsv = (rows) =>
  rows.map((row) => row.map((cell) => (/["\t\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join("\t")).join("\n");

/**
 * A settings colour if the browser knows it as one, so that no other CSS can ride on it.
 * @param {string | null | undefined} color
 */
export const safeColor = (color) => (color && CSS.supports("color", color) ? color : "");

/** @param {HTMLElement} node @param {AliasMark | null | undefined} mark */
export function tint(node, mark) {
  const color = safeColor(mark?.color);
  // Set for an alias without a colour too: else it would inherit that of the panel, and look like another database.
  node.style.setProperty("--mdb-alias", color || "var(--mdb-neutral)");
  node.classList.toggle("mdb-tinted", Boolean(color));
}

/**
 * The alias as a small coloured token: a dot and its name, with a lock where writes are refused.
 * @param {AliasMark} mark
 */
export function aliasChip(mark) {
  const chip = h(
    "span",
    { class: "mdb-chip", title: `${mark.label} · ${mark.engine}${mark.read_only ? " · read-only" : ""}` },
    h("span", { class: "mdb-dot" }),
    h("span", { class: "mdb-chip-name" }, mark.alias),
    mark.read_only && icon("lock"),
  );
  tint(chip, mark);
  return chip;
}

/**
 * Give the focus back to what had it; to the rows, where that is gone, hidden or switched off meanwhile: without a
 * focus the next key would be the notebook's.
 * @param {Element | null} before
 * @param {HTMLElement} host
 */
export function focusBack(before, host) {
  const there = before instanceof HTMLElement && before.isConnected && before.getClientRects().length > 0 && !before.matches(":disabled");
  const node = there ? before : host.querySelector(".mdb-view, [tabindex='0']");
  if (node instanceof HTMLElement) node.focus({ preventScroll: true });
}

/**
 * Keep Lab's shortcuts away from a panel, but still let Ctrl+S save the notebook.
 * @param {HTMLElement} root
 */
export function guardShortcuts(root) {
  // Lab's selectors name the focused element itself, so the mark on an ancestor would come too late: "d", "d" on a
  // button of ours would delete the cell.
  root.addEventListener("focusin", ({ target }) => {
    if (target instanceof Element) target.setAttribute("data-lm-suppress-shortcuts", "true");
  });
  root.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    event.stopPropagation();
    const { key, code, ctrlKey, metaKey, shiftKey, altKey } = event;
    const copy = { key, code, ctrlKey, metaKey, shiftKey, altKey, keyCode: 83, which: 83, bubbles: true, cancelable: true };
    root.parentElement?.dispatchEvent(new KeyboardEvent("keydown", copy));
  });
}

/**
 * A quiet full-panel notice: nothing to show, loading, or an error with a way on.
 * @param {{look: "empty" | "error" | "busy", title: string, text?: string, action?: string, onaction?: () => void}} notice
 */
export function noticeBox({ look, title, text, action, onaction }) {
  const picture = look === "busy" ? h("span", { class: "mdb-spinner" }) : icon(look === "error" ? "warning" : "empty");
  return h(
    "div",
    { class: `mdb-notice mdb-notice-${look}`, role: look === "error" ? "alert" : "status" },
    picture,
    h("div", { class: "mdb-notice-title" }, title),
    text && h("div", { class: "mdb-notice-text" }, text),
    action && h("button", { class: "mdb-button", type: "button", onclick: onaction }, action),
  );
}

/**
 * Show a floating element above everything. The top layer is used because notebook outputs clip what sticks out of them.
 * @param {HTMLElement} box
 */
export function float(box) {
  if ("popover" in box) {
    box.setAttribute("popover", "manual");
    box.showPopover();
  }
  box.hidden = false;
}

/**
 * Put a floating element beside its button: below it, or above where there is more room.
 * @param {HTMLElement} box
 * @param {HTMLElement} anchor
 * @param {"start" | "end"} [side]
 */
export function placeBeside(box, anchor, side = "start") {
  const from = anchor.getBoundingClientRect();
  const { innerWidth, innerHeight } = window;
  box.style.minWidth = `${from.width}px`;
  const size = box.getBoundingClientRect();
  const left = side === "end" ? from.right - size.width : from.left;
  const wanted = Math.max(size.height, box.scrollHeight);
  const below = innerHeight - from.bottom - 8;
  const above = from.top - 8;
  const up = wanted > below && above > below;
  box.style.maxHeight = `${Math.max(120, Math.min(360, up ? above : below))}px`;
  box.style.left = `${Math.max(4, Math.min(left, innerWidth - size.width - 4))}px`;
  box.style.top = up ? "auto" : `${from.bottom + 4}px`;
  box.style.bottom = up ? `${innerHeight - from.top + 4}px` : "auto";
}

/** @param {HTMLElement} box */
export function unfloat(box) {
  if ("popover" in box && box.matches(":popover-open")) box.hidePopover();
  box.hidden = true;
}
