import assert from "node:assert/strict";
import { test } from "node:test";

import { piecesOf } from "../../multidb_explorer/widgets/static/code_view.js";
import { atEdge, errorSpot, lineAndColumn } from "../../multidb_explorer/widgets/static/sql_text.js";
import { columnList, rules } from "../../multidb_explorer/widgets/static/structure_tab.js";
import { tabAfter } from "../../multidb_explorer/widgets/static/tabs.js";

test("arrows go round the tabs, Home and End to their ends", () => {
  assert.deepEqual(["ArrowRight", "ArrowLeft", "Home", "End", "x"].map((key) => tabAfter(key, 2, 3)), [0, 1, 0, 2, null]);
});

test("an error is marked where the database says that it is", () => {
  const sql = "select *\nfrom nope where x";
  assert.deepEqual(errorSpot(sql, 'relation "nope" does not exist\nLINE 2: from nope where x\n             ^\nStatement: …'), [14, 18]);
  assert.deepEqual(errorSpot("select * frm t", 'near "frm": syntax error'), [9, 12]);
  assert.deepEqual(errorSpot("select * frm t", "syntax; near 'frm t' at line 1"), [9, 14]);
  assert.equal(errorSpot("select 1", "no such table: x"), null);
});

test("a place in the text is a line and a column, and its edges are those of the first and last line", () => {
  assert.deepEqual(lineAndColumn("ab\ncde", 5), [1, 2]);
  assert.deepEqual([atEdge("ab\nc", 1, "ArrowUp"), atEdge("ab\nc", 4, "ArrowUp"), atEdge("ab\nc", 4, "ArrowDown")], [true, false, true]);
});

test("code is cut into coloured pieces that say the same", () => {
  const code = "rows = User.objects.filter(name='a#b')  # all\nNone";
  const pieces = piecesOf(code, "python");
  assert.equal(pieces.map(([, text]) => text).join(""), code);
  assert.deepEqual(pieces.filter(([kind]) => kind), [["call", "filter"], ["text", "'a#b'"], ["comment", "# all"], ["keyword", "None"]]);
  assert.deepEqual(piecesOf("CREATE t -- x", "sql").filter(([kind]) => kind), [["keyword", "CREATE"], ["comment", "-- x"]]);
});

test("columns of a key and what happens to its rows are said shortly", () => {
  assert.equal(columnList(["a"]), "a");
  assert.equal(columnList(["a", null]), "(a, expression)");
  assert.equal(rules({ on_delete: "CASCADE", on_update: "NO ACTION" }), "on delete cascade");
});
