import assert from "node:assert/strict";
import { test } from "node:test";

import {
  addRows, byteSize, compact, countRows, decodeBlock, group, hasRow, parseRow, plainValue, plural, removeRows, showValue, toTsv,
} from "../../multidb_explorer/widgets/static/core.js";

test("rows are selected as intervals that never touch", () => {
  assert.deepEqual(addRows([], 5, 3), [[3, 5]]);
  assert.deepEqual(addRows([[1, 2], [8, 9]], 3, 7), [[1, 9]]);
  assert.deepEqual(addRows([[8, 9]], 1, 2), [[1, 2], [8, 9]]);
  assert.deepEqual(addRows([[0, 9]], 4, 5), [[0, 9]]);
});

test("rows leave a selection from the middle, the ends and altogether", () => {
  assert.deepEqual(removeRows([[0, 9]], 4, 5), [[0, 3], [6, 9]]);
  assert.deepEqual(removeRows([[0, 9]], 0, 0), [[1, 9]]);
  assert.deepEqual(removeRows([[0, 9], [20, 22]], 5, 30), [[0, 4]]);
  assert.deepEqual(removeRows([[3, 3]], 3, 3), []);
});

test("ten million selected rows are one interval", () => {
  const all = addRows([], 0, 9_999_999);
  assert.equal(countRows(all), 10_000_000);
  assert.equal(hasRow(all, 5_000_000), true);
  assert.equal(hasRow(all, 10_000_000), false);
});

test("a row is found by number, with separators, or by percent", () => {
  assert.equal(parseRow("5,000,001", 10_000_000), 5_000_000);
  assert.equal(parseRow(" 1 ", 10), 0);
  assert.equal(parseRow("0", 10), 0);
  assert.equal(parseRow("99", 10), 9);
  assert.equal(parseRow("50%", 1000), 500);
  assert.equal(parseRow("100%", 1000), 999);
  assert.equal(parseRow("abc", 10), null);
  assert.equal(parseRow("-3", 10), null);
});

test("numbers are written for people", () => {
  assert.equal(group(1234567), "1,234,567");
  assert.equal(group(12), "12");
  assert.equal(plural(1, "row"), "1 row");
  assert.equal(plural(1204, "row"), "1,204 rows");
  assert.deepEqual([7, 999, 1204, 48211, 12_345_678, 2e9].map(compact), ["7", "999", "1.2k", "48k", "12M", "2B"]);
  assert.deepEqual([12, 18230, 5_000_000].map(byteSize), ["12 B", "18.2 kB", "5.0 MB"]);
});

test("NULL, an empty text and the text NULL look different", () => {
  const shown = [null, "", "NULL"].map((value) => showValue("text", value));
  assert.deepEqual(shown.map(({ look }) => look), ["null", "empty", ""]);
  assert.deepEqual(shown.map(({ text }) => text), ["NULL", "", "NULL"]);
});

test("values keep their digits", () => {
  assert.equal(showValue("integer", "9007199254740993").text, "9007199254740993");
  assert.equal(showValue("decimal", "0.10").text, "0.10");
  assert.equal(showValue("boolean", false).text, "false");
  assert.equal(showValue("integer", 0).text, "0");
});

test("what is cut says how long it is", () => {
  assert.deepEqual(showValue("text", { text: "a\nb", length: 12345 }), { text: "a⏎b", look: "cut", mark: "12k chars" });
  assert.deepEqual(showValue("binary", { size: 18230, hex: "8950" }), { text: "0x8950…", look: "bytes", mark: "18.2 kB" });
  assert.equal(showValue("binary", { size: 2, hex: "8950" }).text, "0x8950");
});

test("the clipboard gets the value, not its looks", () => {
  assert.equal(plainValue("text", "a\nb"), "a\nb");
  assert.equal(plainValue("text", null), "");
  assert.equal(plainValue("binary", { size: 2, hex: "8950" }), "8950");
});

test("tab-separated text is quoted only where it must be", () => {
  assert.equal(toTsv([["a", "b c"], ['say "x"', "1\n2"]]), 'a\tb c\n"say ""x"""\t"1\n2"');
});

test("a block is read out of the middle of a buffer", () => {
  const bytes = new TextEncoder().encode('xx{"rows":1,"columns":[]}yy');
  assert.deepEqual(decodeBlock(new DataView(bytes.buffer, 2, bytes.length - 4)), { rows: 1, columns: [] });
});
