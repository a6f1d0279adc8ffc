import assert from "node:assert/strict";
import { test } from "node:test";

import { keyLine, planTitle } from "../../multidb_explorer/widgets/static/dialog.js";
import { tablesOf } from "../../multidb_explorer/widgets/static/explorer.js";
import { matching, typeAhead } from "../../multidb_explorer/widgets/static/popup.js";
import { thumbOffset, thumbPlace } from "../../multidb_explorer/widgets/static/scrollbar.js";
import { findTables, splitMatch } from "../../multidb_explorer/widgets/static/table_list.js";

const choice = (alias, label = alias, engine = "SQLite") => ({ mark: { alias, label, engine } });
const CHOICES = [choice("default"), choice("legacy_users", "Old CRM"), choice("new_users", "new_users", "MySQL"), choice("archive")];
const table = (name, schema = null) => ({ name, schema, kind: "table", comment: null, rows: null });

test("aliases are found by any of their words", () => {
  const found = (text) => matching(CHOICES, text).map(({ mark }) => mark.alias);
  assert.deepEqual(found("users"), ["legacy_users", "new_users"]);
  assert.deepEqual(found("CRM"), ["legacy_users"]);
  assert.deepEqual(found("mysql new"), ["new_users"]);
  assert.deepEqual(found(""), ["default", "legacy_users", "new_users", "archive"]);
});

test("typing a letter goes to the next alias with it, and round", () => {
  assert.equal(typeAhead(CHOICES, "n", 0), 2);
  assert.equal(typeAhead(CHOICES, "d", 2), 0);
  assert.equal(typeAhead(CHOICES, "x", 1), 1);
  assert.equal(typeAhead([choice("aa"), choice("ab")], "ab", 0), 1);
});

test("tables are found by all words, the nearest name first", () => {
  const tables = [table("audit_users"), table("users"), table("orders", "sales")];
  assert.deepEqual(findTables(tables, "users").map(({ name }) => name), ["users", "audit_users"]);
  assert.deepEqual(findTables(tables, "sales ord").map(({ name }) => name), ["orders"]);
  assert.equal(findTables(tables, " "), tables);
});

test("two thousand tables are searched without a pause", () => {
  const tables = Array.from({ length: 2000 }, (_, n) => table(`table_${n}`));
  assert.equal(findTables(tables, "199").length, 12);
});

test("a match is cut out as text", () => {
  assert.deepEqual(splitMatch("audit_users", "user"), ["audit_", "user", "s"]);
  assert.deepEqual(splitMatch("users", "x"), ["users", "", ""]);
  assert.deepEqual(splitMatch("<b>users", "B"), ["<", "b", ">users"]);
});

test("the list of tables comes as columns", () => {
  const values = [["users"], [null], ["table"], [12], ["who"]];
  const columns = values.map((column) => ({ tag: "text", values: column }));
  assert.deepEqual(tablesOf({ rows: 1, columns }), [{ name: "users", schema: null, kind: "table", rows: 12, comment: "who" }]);
});

test("the thumb and the offset are each other's inverse", () => {
  const total = 260_000_000;
  for (const offset of [0, 1, 26, 130_000_000, total - 400]) {
    const { start } = thumbPlace(400, 400, total, offset);
    assert.ok(Math.abs(thumbOffset(400, 400, total, start) - offset) < 1);
  }
});

test("the thumb stays big enough to hold, and fills a track that needs no scrolling", () => {
  assert.equal(thumbPlace(400, 400, 260_000_000, 0).length, 28);
  assert.deepEqual(thumbPlace(400, 400, 300, 0), { length: 400, start: 0 });
  assert.equal(thumbOffset(400, 400, 300, 50), 0);
});

test("the question names how many rows, and the first keys", () => {
  assert.equal(planTitle({ action: "save", rows: 1 }), "Save 1 row");
  assert.equal(planTitle({ action: "copy", rows: 2 }), "Copy 2 rows");
  assert.equal(planTitle({ action: "delete", rows: 3 }), "Delete 3 rows");
  assert.equal(keyLine({ keys: ["1", "2"], rows: 2 }), "1, 2");
  assert.equal(keyLine({ keys: ["1", "2"], rows: 12 }), "1, 2 and 10 more");
});
