import assert from "node:assert/strict";
import { test } from "node:test";

import { barsOf, percent } from "../../multidb_explorer/widgets/static/bars.js";
import { piecesOf } from "../../multidb_explorer/widgets/static/code_view.js";
import { BOX_HEIGHT, curve, layoutDiagram } from "../../multidb_explorer/widgets/static/diagram.js";
import { dayOf } from "../../multidb_explorer/widgets/static/profile_tab.js";
import { atEdge, errorSpot, lineAndColumn } from "../../multidb_explorer/widgets/static/sql_text.js";
import { columnList, rules } from "../../multidb_explorer/widgets/static/structure_tab.js";
import { treeLines } from "../../multidb_explorer/widgets/static/table_list.js";
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

test("a table stands between what it refers to and what refers to it", () => {
  const forward = [true, false, false];
  const { height, boxes, lines } = layoutDiagram(forward, 800);
  const [own, parent, child] = [-1, 0, 1].map((index) => boxes.find((box) => box.index === index));
  assert.ok(parent.x + parent.width < own.x && own.x + own.width < child.x);
  assert.ok(boxes.every(({ y }) => y >= 0 && y + BOX_HEIGHT <= height));
  assert.deepEqual(lines[0].to, [parent.width, parent.y + BOX_HEIGHT / 2]);
  assert.deepEqual(lines[1].from, [child.x, child.y + BOX_HEIGHT / 2]);
  assert.ok(lines.every(({ from, to }) => curve({ from, to }).startsWith("M")));
});

test("fifteen neighbours on a side, and a narrow page, leave no box on another", () => {
  for (const width of [1200, 420]) {
    const { boxes } = layoutDiagram([...Array(15).fill(true), ...Array(15).fill(false)], width);
    for (const a of boxes) {
      for (const b of boxes) {
        const apart = a === b || a.x + a.width <= b.x || b.x + b.width <= a.x || Math.abs(a.y - b.y) >= BOX_HEIGHT;
        assert.ok(apart, `${width}: ${a.index} and ${b.index}`);
      }
    }
  }
});

test("bars are as high as their counts, and none that is not empty vanishes", () => {
  const bars = barsOf([0, 1, 1000], 30, 50);
  assert.deepEqual(bars.map(({ height }) => height), [0, 1.5, 50]);
  assert.deepEqual(bars.map(({ x, width }) => [x, width]), [[0.5, 9], [10.5, 9], [20.5, 9]]);
  assert.ok(bars.every(({ y, height }) => y + height === 50));
  assert.deepEqual(barsOf([], 30, 50), []);
});

test("shares and days are short", () => {
  assert.deepEqual([[0, 5], [1, 3], [1, 5000], [4999, 5000], [5, 5]].map(([part, all]) => percent(part, all)), ["0%", "33.3%", "< 0.1%", "> 99.9%", "100%"]);
  assert.deepEqual([dayOf("2026-01-02 03:04:05"), dayOf("4.50"), dayOf(null)], ["2026-01-02", "4.50", ""]);
});

const tree = (groups, unfolded = [], text = "") => treeLines(groups, new Map(unfolded), text).map(({ kind, text: words, level }) => `${level} ${kind} ${words}`);
const tables = (...names) => names.map((name) => ({ name, schema: null, kind: "table", comment: null, rows: null }));

test("one schema has no line of its own, and columns stand below their table", () => {
  const groups = [{ name: "main", open: true, tables: tables("orders", "users") }];
  const columns = [{ name: "id", type: "integer", primary_key: true, refers: null }];
  assert.deepEqual(tree(groups, [['[null,"orders"]', columns], ['[null,"users"]', null]]), [
    "1 table orders", "2 column id", "1 table users", "2 note Reading the columns …",
  ]);
});

test("several schemas unfold, and a search shows what is known of all", () => {
  const groups = [{ name: "main", open: true, tables: tables("orders") }, { name: "old", open: false, tables: tables("orders_2019", "x") }, { name: "new", open: true, tables: null }];
  assert.deepEqual(tree(groups), ["1 schema main", "2 table orders", "1 schema old", "1 schema new", "2 note Reading the tables …"]);
  assert.deepEqual(tree(groups, [], "2019"), ["1 schema old", "2 table orders_2019"]);
});

test("five thousand tables are laid out at once, each in its place", () => {
  const many = Array.from({ length: 5000 }, (_, n) => `table_${n}`);
  const lines = treeLines([{ name: "main", open: true, tables: tables(...many) }], new Map(), "");
  assert.deepEqual([lines.length, lines[4999].place, lines[4999].size], [5000, 5000, 5000]);
});
