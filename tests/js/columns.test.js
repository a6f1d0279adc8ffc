import assert from "node:assert/strict";
import { test } from "node:test";

import { badge, columnWindow, edges, isNumeric, nextSort } from "../../multidb_explorer/widgets/static/columns.js";

test("only the columns in view are in the window", () => {
  const lefts = edges(Array(200).fill(100));
  assert.deepEqual(columnWindow(lefts, 0, 500), [0, 5]);
  assert.deepEqual(columnWindow(lefts, 250, 500), [2, 8]);
  assert.deepEqual(columnWindow(lefts, 19_500, 500), [195, 200]);
});

test("one column is always in the window, and none of no columns", () => {
  assert.deepEqual(columnWindow(edges([100, 100]), 0, 0), [0, 1]);
  assert.deepEqual(columnWindow(edges([]), 0, 500), [0, 0]);
});

test("clicks on a header go round: up, down, none", () => {
  const up = nextSort([], "a", false);
  const down = nextSort(up, "a", false);
  assert.deepEqual(up, [{ column: "a", descending: false }]);
  assert.deepEqual(down, [{ column: "a", descending: true }]);
  assert.deepEqual(nextSort(down, "a", false), []);
});

test("another column replaces the sort, and with Shift joins it in place", () => {
  const both = nextSort([{ column: "a", descending: false }], "b", true);
  assert.deepEqual(both.map(({ column }) => column), ["a", "b"]);
  assert.deepEqual(nextSort(both, "a", true), [{ column: "a", descending: true }, { column: "b", descending: false }]);
  assert.deepEqual(nextSort(both, "c", false), [{ column: "c", descending: false }]);
});

test("every kind has a badge, and numbers stand at the right", () => {
  assert.equal(badge("integer"), "123");
  assert.equal(badge("something new"), "?");
  assert.deepEqual(["integer", "float", "decimal", "text"].map(isNumeric), [true, true, true, false]);
});
