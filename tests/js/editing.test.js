import assert from "node:assert/strict";
import { test } from "node:test";

import { hexOf, jsonProblem, meant, withPicked } from "../../multidb_explorer/widgets/static/editors.js";
import { emptied, markLook, typedLook, unsetLook } from "../../multidb_explorer/widgets/static/staged_looks.js";
import { grouped } from "../../multidb_explorer/widgets/static/grid_menu.js";
import { decided, wholeChoice } from "../../multidb_explorer/widgets/static/conflict_sheet.js";
import { fitText, parseTsv } from "../../multidb_explorer/widgets/static/paste_sheet.js";
import { pendingText } from "../../multidb_explorer/widgets/static/pending_bar.js";
import { toTsv } from "../../multidb_explorer/widgets/static/core.js";

const column = { name: "c", kind: "text", type: "text", nullable: true };

test("tab-separated text is read as spreadsheets write it", () => {
  assert.deepEqual(parseTsv("a\tb\r\nc\td\r\n"), [["a", "b"], ["c", "d"]]);
  assert.deepEqual(parseTsv('"two\nlines"\t"a ""word"""\n'), [["two\nlines", 'a "word"']]);
  assert.deepEqual(parseTsv('5" disk\tx'), [['5" disk', "x"]]);
  assert.deepEqual(parseTsv('"never closed\tx'), [['"never closed', "x"]]);
  assert.deepEqual(parseTsv("a\t\n\tb"), [["a", ""], ["", "b"]]);
  assert.deepEqual(parseTsv(""), []);
  assert.deepEqual(parseTsv("\n"), [[""]]);
});

test("what was copied is pasted as it was", () => {
  const rows = [["a\tb", 'say "hi"', ""], ["two\nlines", "ß", "0x"]];
  assert.deepEqual(parseTsv(toTsv(rows)), rows);
});

test("a paste says how much of it fits", () => {
  assert.equal(fitText(12, 0), "All 12 cells fit");
  assert.equal(fitText(12, 1), "11 of 12 cells fit; 1 does not and is left out");
  assert.equal(fitText(1200, 30), "1,170 of 1,200 cells fit; 30 do not and are left out");
});

test("an emptied field is NULL where an empty text is no value of the column", () => {
  assert.deepEqual(meant({ ...column, kind: "integer" }, ""), { null: true });
  assert.deepEqual(meant({ ...column, kind: "integer", nullable: false }, ""), { text: "" });
  assert.deepEqual(meant(column, ""), { text: "" });
  assert.deepEqual(emptied(column), { null: true });
  assert.deepEqual(emptied({ ...column, nullable: false }), { text: "" });
  assert.deepEqual(emptied({ ...column, kind: "integer", nullable: false }), { null: true });
});

test("a picked time keeps the zone that was typed", () => {
  assert.equal(withPicked("timestamp", "2026-11-22T14:30", "2026-01-01 00:00:00+01:00"), "2026-11-22 14:30:00+01:00");
  assert.equal(withPicked("timestamp", "2026-11-22T14:30:05", ""), "2026-11-22 14:30:05");
  assert.equal(withPicked("timestamp", "2026-11-22T14:30", "2026-01-01"), "2026-11-22 14:30:00");
  assert.equal(withPicked("date", "2026-11-22", "x"), "2026-11-22");
});

test("JSON is judged while it is typed, bytes become digits", () => {
  assert.equal(jsonProblem('{"a": 1}'), "");
  assert.equal(jsonProblem(""), "");
  assert.match(jsonProblem("{"), /^Not JSON yet/);
  assert.equal(hexOf(new Uint8Array([0, 255, 16])), "00ff10");
});

test("what is staged and not filled looks like what it will be", () => {
  assert.equal(typedLook({ null: true }).look, "null");
  assert.equal(typedLook({ text: "x" }).text, "x");
  assert.deepEqual(unsetLook({ ...column, nullable: false }).missing, true);
  assert.equal(unsetLook({ ...column, made_by_server: true, default: "now()" }).text, "default");
  assert.equal(unsetLook({ ...column, made_by_server: true }).text, "automatic");
  assert.equal(unsetLook(column).text, "NULL");
});

test("a staged cell says what it was and what is wrong with it", () => {
  const cell = { name: "c", kind: "text", field: column, before: { value: "Ann" } };
  const mark = { state: "changed", cells: { c: "Bo" }, problems: {} };
  assert.deepEqual(markLook(mark, cell), { cell: { tag: "text", value: "Bo" }, look: " mdb-staged mdb-changed", title: "Changed, was “Ann”" });
  assert.equal(markLook({ ...mark, cells: {} }, cell), null);
  assert.equal(markLook({ ...mark, problems: { c: "taken" } }, cell)?.title, "taken");
  assert.equal(markLook({ ...mark, state: "deleted" }, cell)?.title, "This row will be deleted");
  assert.equal(markLook({ state: "new", cells: {}, problems: {} }, { ...cell, field: { ...column, nullable: false } })?.title, "Needs a value");
  assert.equal(markLook({ ...mark, cells: { c: { waits: "(id of the new t row)" } } }, cell)?.shown?.text, "(id of the new t row)");
});

test("the pending bar counts in words", () => {
  assert.equal(pendingText({ new: 1, changed: 3, deleted: 2 }), "3 changed, 1 new, 2 deleted");
  assert.equal(pendingText({ new: 0, changed: 1200, deleted: 0 }), "1,200 changed");
});

test("conflicts are sent when all of them are decided", () => {
  const cell = { base: "a", mine: "b", theirs: "c", ours: true };
  const rows = [
    { table: "t", key: "id=1", kind: "changed", change: "changed", cells: [{ col: "x", ...cell }, { col: "version", ...cell, ours: false }] },
    { table: "t", key: "id=2", kind: "changed", change: "deleted", cells: [{ col: "x", ...cell }] },
  ];
  const choices = new Map([["0 x", "theirs"]]);
  assert.equal(decided(rows, choices), null);
  choices.set("1", "mine");
  assert.deepEqual(decided(rows, choices), [{ row: 0, cells: { x: "theirs", version: "mine" } }, { row: 1, keep: "mine" }]);
  assert.equal(wholeChoice(rows[0]), null);
  assert.equal(wholeChoice({ ...rows[0], kind: "deleted" })?.mine, "Write my row again");
});

test("a menu's items stand in their groups", () => {
  const item = (label, group) => ({ label, group, run() {} });
  const groups = grouped([item("a", "x"), item("b", "y"), item("c", "x")]);
  assert.deepEqual(groups.map((items) => items.map(({ label }) => label)), [["a", "c"], ["b"]]);
});
