import assert from "node:assert/strict";
import { test } from "node:test";

import { BLOCK_ROWS, MAX_BLOCKS, MAX_UNDER_WAY, Store, wishes } from "../../multidb_explorer/widgets/static/store.js";

/** A kernel that answers when it is told to. */
class Kernel {
  constructor(total = 10_000_000) {
    this.total = total;
    this.asked = [];
  }

  fetch = (body) => new Promise((resolve, reject) => this.asked.push({ ...body, resolve, reject }));

  async answer(at = 0, extra = {}) {
    const [{ start, count, epoch, resolve }] = this.asked.splice(at, 1);
    const rows = Math.max(0, Math.min(count, this.total - start));
    const block = { rows, columns: [{ tag: "integer", values: Array.from({ length: rows }, (_, n) => start + n) }] };
    const bytes = new TextEncoder().encode(JSON.stringify(block));
    resolve({ message: { epoch, start, ...extra }, data: [new DataView(bytes.buffer)] });
    await new Promise(setImmediate);
  }

  async refuse(text) {
    this.asked.shift().reject(new Error(text));
    await new Promise(setImmediate);
  }

  get blocks() {
    return this.asked.map(({ start }) => start / BLOCK_ROWS);
  }
}

function opened(kernel, rowCount = kernel.total) {
  const seen = { rows: 0, errors: [] };
  const store = new Store(kernel.fetch, { onrows: () => (seen.rows += 1), onerror: (error) => seen.errors.push(error.message) });
  store.reset({ epoch: 1, rowCount, exact: true });
  return { store, seen };
}

test("what is seen is wished first, then one block ahead, then one behind", () => {
  assert.deepEqual(wishes(390, 405, 10_000, 1), [1, 2, 3, 0]);
  assert.deepEqual(wishes(390, 405, 10_000, -1), [1, 2, 0, 3]);
  assert.deepEqual(wishes(0, 14, 100, 1), [0]);
  assert.deepEqual(wishes(0, 14, null, 1), [0, 1]);
});

test("two requests are under way at most, and the newest wish goes next", async () => {
  const kernel = new Kernel();
  const { store } = opened(kernel);
  store.look(0, 14);
  assert.deepEqual(kernel.blocks, [0, 1]);
  store.look(1_000_000, 1_000_014);
  assert.equal(kernel.asked.length, MAX_UNDER_WAY);
  await kernel.answer();
  assert.deepEqual(kernel.blocks, [1, 5000]);
});

test("a cell is found once its block is here", async () => {
  const kernel = new Kernel();
  const { store, seen } = opened(kernel);
  store.look(400, 410);
  assert.equal(store.cell(405, 0), undefined);
  await kernel.answer();
  assert.deepEqual(store.cell(405, 0), { tag: "integer", value: 405 });
  assert.equal(seen.rows, 1);
});

test("answers of an old epoch are dropped", async () => {
  const kernel = new Kernel();
  const { store, seen } = opened(kernel);
  store.look(0, 14);
  store.reset({ epoch: 2, rowCount: 100, exact: true });
  await kernel.answer();
  assert.equal(store.blocks.size, 0);
  assert.equal(seen.rows, 0);
});

test("old blocks make room, those in view stay", async () => {
  const kernel = new Kernel();
  const { store } = opened(kernel);
  for (let block = 0; block < MAX_BLOCKS + 20; block += 1) {
    store.look(block * BLOCK_ROWS, block * BLOCK_ROWS + 10);
    while (kernel.asked.length) await kernel.answer();
  }
  assert.ok(store.blocks.size <= MAX_BLOCKS);
  assert.ok(store.cell((MAX_BLOCKS + 19) * BLOCK_ROWS, 0));
  assert.equal(store.cell(0, 0), undefined);
});

test("a block that failed is not asked for again until one says so", async () => {
  const kernel = new Kernel();
  const { store, seen } = opened(kernel, 100);
  store.look(0, 14);
  await kernel.refuse("no such table");
  assert.deepEqual(seen.errors, ["no such table"]);
  store.look(0, 14);
  assert.equal(kernel.asked.length, 0);
  store.retry();
  assert.deepEqual(kernel.blocks, [0]);
});

test("without a count there is always one row more to scroll to", async () => {
  const kernel = new Kernel(450);
  const { store } = opened(kernel);
  store.reset({ epoch: 2, rowCount: null, exact: false });
  store.look(0, 14);
  await kernel.answer();
  assert.equal(store.length, BLOCK_ROWS + 1);
});

test("an estimate ends where the kernel says that the rows end", async () => {
  const kernel = new Kernel(150);
  const { store } = opened(kernel);
  store.reset({ epoch: 2, rowCount: 9000, exact: false });
  store.look(0, 14);
  await kernel.answer(0, { row_count: 150 });
  assert.equal(store.length, 150);
  assert.equal(store.exact, true);
});

test("all rows of a range are gathered for the clipboard", async () => {
  const kernel = new Kernel();
  const { store } = opened(kernel);
  const gathered = store.gather(100, 700);
  while (kernel.asked.length) await kernel.answer();
  await gathered;
  assert.deepEqual([...store.blocks.keys()], [0, 1, 2, 3]);
});
