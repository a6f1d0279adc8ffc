/** The rows that the browser holds: blocks fetched on demand, the newest wish first. */

import { decodeBlock } from "./core.js";

/** @typedef {{rows: number, columns: {tag: string, values: any[]}[]}} Block */
/** @typedef {{epoch: number, rowCount: number | null, exact: boolean}} Extent */
/**
 * Asks the kernel for rows; the answer carries one buffer.
 * @typedef {(body: {epoch: number, start: number, count: number}) => Promise<import("./core.js").Answer>} Fetch
 */

export const BLOCK_ROWS = 200;
export const MAX_BLOCKS = 60;
export const MAX_UNDER_WAY = 2;

/**
 * The blocks to fetch for a view, most wanted first: what is seen, then one step ahead and behind.
 * @param {number} first
 * @param {number} last
 * @param {number | null} rowCount
 * @param {number} direction of the last movement: 1 down, -1 up
 * @returns {number[]}
 */
export function wishes(first, last, rowCount, direction) {
  const from = Math.floor(Math.max(0, first) / BLOCK_ROWS);
  const to = Math.floor(Math.max(0, last) / BLOCK_ROWS);
  const end = rowCount === null ? Infinity : Math.max(0, Math.ceil(rowCount / BLOCK_ROWS) - 1);
  const seen = Array.from({ length: to - from + 1 }, (_, step) => from + step);
  const around = direction < 0 ? [from - 1, to + 1] : [to + 1, from - 1];
  return [...seen, ...around].filter((block) => block >= 0 && block <= end);
}

export class Store {
  /**
   * @param {Fetch} fetch
   * @param {{onrows: () => void, onerror: (error: Error, block: number) => void}} events
   */
  constructor(fetch, events) {
    this.fetch = fetch;
    this.events = events;
    /** @type {Map<number, Block>} oldest use first */
    this.blocks = new Map();
    /** @type {Set<number>} */
    this.underWay = new Set();
    /** @type {Set<number>} */
    this.failed = new Set();
    /** @type {number[]} */
    this.wanted = [];
    this.first = 0;
    this.epoch = 0;
    /** Where the column that is shown at a place stands in a block; null while nothing was moved or hidden. @type {number[] | null} */
    this.places = null;
    /** @type {number | null} */
    this.rowCount = null;
    this.exact = false;
  }

  /** Forget all rows: another table, sort or state of the data. @param {Extent} extent */
  reset({ epoch, rowCount, exact }) {
    this.blocks.clear();
    this.underWay.clear();
    this.failed.clear();
    this.wanted = [];
    this.epoch = epoch;
    this.rowCount = rowCount;
    this.exact = exact;
  }

  /** The rows to reckon with: known, estimated, or as far as one has looked. */
  get length() {
    let seen = 0;
    for (const [index, block] of this.blocks) {
      const more = !this.exact && block.rows === BLOCK_ROWS ? 1 : 0;
      seen = Math.max(seen, index * BLOCK_ROWS + block.rows + more);
    }
    return this.exact ? (this.rowCount ?? seen) : Math.max(this.rowCount ?? 0, seen);
  }

  /** @param {number} row @returns {Block | undefined} */
  blockOf(row) {
    return this.blocks.get(Math.floor(row / BLOCK_ROWS));
  }

  /**
   * @param {number} row
   * @param {number} column as it is shown
   * @returns {{tag: string, value: any} | undefined} undefined while the row is not here
   */
  cell(row, column) {
    const block = this.blockOf(row);
    const at = row % BLOCK_ROWS;
    if (!block || at >= block.rows) return undefined;
    const { tag, values } = this.columnOf(block, column);
    return { tag, value: values[at] };
  }

  /** @param {Block} block @param {number} column as it is shown */
  columnOf(block, column) {
    return block.columns[this.places ? this.places[column] : column];
  }

  /** Say which rows are on screen; what is missing is asked for at once. @param {number} first @param {number} last */
  look(first, last) {
    const direction = first < this.first ? -1 : 1;
    this.first = first;
    this.wanted = wishes(first, last, this.exact ? this.rowCount : null, direction);
    for (const index of this.wanted) this.touch(index);
    this.pump();
  }

  /** @param {number} index */
  touch(index) {
    const block = this.blocks.get(index);
    if (!block) return;
    this.blocks.delete(index);
    this.blocks.set(index, block);
  }

  pump() {
    for (const index of this.wanted) {
      if (this.underWay.size >= MAX_UNDER_WAY) return;
      if (!this.blocks.has(index) && !this.underWay.has(index) && !this.failed.has(index)) this.ask(index);
    }
  }

  /** @param {number} index */
  async ask(index) {
    const { epoch } = this;
    this.underWay.add(index);
    try {
      const answer = await this.fetch({ epoch, start: index * BLOCK_ROWS, count: BLOCK_ROWS });
      if (epoch === this.epoch) this.keep(index, answer);
    } catch (error) {
      if (epoch === this.epoch) this.fail(index, /** @type {Error} */ (error));
    }
    if (epoch !== this.epoch) return;
    this.underWay.delete(index);
    this.pump();
  }

  /** @param {number} index @param {import("./core.js").Answer} answer */
  keep(index, answer) {
    this.blocks.set(index, decodeBlock(answer.data[0]));
    if (typeof answer.message.row_count === "number") {
      this.rowCount = answer.message.row_count;
      this.exact = true;
    }
    this.evict();
    this.events.onrows();
  }

  /** @param {number} index @param {Error} error */
  fail(index, error) {
    this.failed.add(index);
    this.events.onerror(error, index);
  }

  evict() {
    for (const index of this.blocks.keys()) {
      if (this.blocks.size <= MAX_BLOCKS) return;
      if (!this.wanted.includes(index)) this.blocks.delete(index);
    }
  }

  /** Ask again for what failed. */
  retry() {
    this.failed.clear();
    this.pump();
  }

  /**
   * All rows of a range, fetched where they are missing; for copying.
   * @param {number} first
   * @param {number} last
   */
  async gather(first, last) {
    for (let index = Math.floor(first / BLOCK_ROWS); index <= Math.floor(last / BLOCK_ROWS); index += 1) {
      if (this.blocks.has(index)) continue;
      const { epoch } = this;
      const answer = await this.fetch({ epoch, start: index * BLOCK_ROWS, count: BLOCK_ROWS });
      if (epoch !== this.epoch) throw new Error("The table changed while it was copied.");
      this.blocks.set(index, decodeBlock(answer.data[0]));
    }
  }
}
