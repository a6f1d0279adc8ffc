import assert from "node:assert/strict";
import test from "node:test";
import { arranged, columnWindow, edges, movedTo } from "../../multidb_explorer/widgets/static/columns.js";
import { asGroup, lookupsOf, simplest } from "../../multidb_explorer/widgets/static/filter_builder.js";
import { filterHint, filterItems } from "../../multidb_explorer/widgets/static/grid_filter.js";
import { progressText } from "../../multidb_explorer/widgets/static/grid_order.js";
import { Store } from "../../multidb_explorer/widgets/static/store.js";
import { Digits, hexDump, jsonLeaf, parseJson, pictureType } from "../../multidb_explorer/widgets/static/value_views.js";

const COLUMNS = ["id", "name", "city", "note"].map((name) => ({ name, kind: "text", type: "text", nullable: true, primary_key: false, sortable: true }));
const shownNames = (layout) => arranged(COLUMNS, layout).shown.map(({ name }) => name);

test("columns are shown as they were arranged", () => {
  assert.deepEqual(shownNames({}), ["id", "name", "city", "note"]);
  assert.deepEqual(shownNames({ hidden: ["name", "gone"] }), ["id", "city", "note"]);
  assert.deepEqual(shownNames({ order: ["note", "city", "name", "id"] }), ["note", "city", "name", "id"]);
  const { shown, pins } = arranged(COLUMNS, { pinned: ["city"], order: ["note", "id", "name", "city"] });
  assert.deepEqual([shown.map(({ name }) => name), pins], [["city", "note", "id", "name"], 1]);
  assert.deepEqual(shown.map(({ place }) => place), [2, 3, 0, 1]);
});

test("a name is moved among others", () => {
  assert.deepEqual(movedTo(["a", "b", "c"], "c", 0), ["c", "a", "b"]);
  assert.deepEqual(movedTo(["a", "b", "c"], "a", 9), ["b", "c", "a"]);
});

test("pinned columns are no part of what scrolls", () => {
  const lefts = edges([100, 100, 100, 100]);
  assert.deepEqual(columnWindow(lefts, 100, 150, 1), [1, 3]);
  assert.deepEqual(columnWindow(lefts, 250, 100, 1), [2, 4]);
});

test("a cell is found by the place where its column is shown", async () => {
  const block = { rows: 1, columns: [{ tag: "text", values: ["first"] }, { tag: "text", values: ["second"] }] };
  const store = new Store(async () => ({ message: {}, data: [] }), { onrows: () => {}, onerror: () => {} });
  store.blocks.set(0, block);
  assert.equal(store.cell(0, 0)?.value, "first");
  store.places = [1, 0];
  assert.equal(store.cell(0, 0)?.value, "second");
});

test("texts above the columns are items beside the others", () => {
  const texts = new Map([["city", "Oslo"], ["id", " "], ["name", "^A"]]);
  assert.deepEqual(filterItems([{ field: "id", lookup: "gt", value: "1" }], texts, COLUMNS), [
    { field: "id", lookup: "gt", value: "1" }, { field: "name", text: "^A" }, { field: "city", text: "Oslo" },
  ]);
});

test("each kind says what can be typed", () => {
  assert.equal(filterHint("text")[0], "contains…");
  assert.match(filterHint("timestamp")[0], /2026/);
  assert.match(filterHint("decimal")[1], /between/);
  assert.match(filterHint("uuid")[1], /one of/);
});

test("a group of one is what is in it, unless it is denied", () => {
  const one = { field: "id", lookup: "exact", value: "1" };
  assert.deepEqual(simplest(asGroup(one)), one);
  assert.deepEqual(simplest({ op: "or", items: [{ op: "and", items: [one] }] }), one);
  assert.equal(simplest({ op: "or", not: true, items: [one] }).op, "or");
});

test("a part of a field has comparisons of its own", () => {
  const gt = [{ name: "gt", phrase: "is greater than", takes: "value", example: "1" }];
  const field = { field: "day", label: "day", kind: "date", lookups: [], parts: [{ name: "year", phrase: "year", lookups: gt }] };
  assert.deepEqual([lookupsOf(field, undefined), lookupsOf(field, "year"), lookupsOf(undefined, "")], [[], gt, []]);
});

test("JSON numbers keep all their digits", () => {
  const found = parseJson('{"big": 12345678901234567890, "cents": 1.50, "n": 3}');
  assert.equal(found.n, 3);
  assert.ok(found.big instanceof Digits && found.cents instanceof Digits);
  assert.deepEqual([jsonLeaf(found.big).text, jsonLeaf(found.cents).text], ["12345678901234567890", "1.50"]);
  assert.equal(parseJson("{"), undefined);
  assert.deepEqual(jsonLeaf([1, 2]), { text: "[2]", look: "size" });
  assert.deepEqual(jsonLeaf("a\n"), { text: '"a\\n"', look: "string" });
});

test("bytes are dumped sixteen a line", () => {
  const dump = hexDump(new Uint8Array([0, 65, 255, ...Array(14).fill(66)]));
  assert.equal(dump.split("\n")[0], "00000000  00 41 ff 42 42 42 42 42  42 42 42 42 42 42 42 42  ·A·BBBBBBBBBBBBB");
  assert.match(dump.split("\n")[1], /^00000010 {2}42 +B$/);
});

test("a picture is known by how it begins, and SVG is none", () => {
  assert.equal(pictureType(new Uint8Array([0xff, 0xd8, 0xff, 0xe0])), "image/jpeg");
  assert.equal(pictureType(new TextEncoder().encode("GIF89a")), "image/gif");
  assert.equal(pictureType(new TextEncoder().encode("<svg onload=alert(1)>")), "");
});

test("progress is told in what is known", () => {
  assert.equal(progressText({ done: 0, total: 10 }), "");
  assert.equal(progressText({ done: 5, total: 10 }), "50 %");
  assert.equal(progressText({ done: 5000, total: null }), "5,000 rows");
});
