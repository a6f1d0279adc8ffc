import assert from "node:assert/strict";
import { test } from "node:test";
import { exportProgress, withSuffix } from "../../multidb_explorer/widgets/static/export.js";
import { aliasRequest } from "../../multidb_explorer/widgets/static/alias_dialog.js";

test("progress tells rows, share and rate", () => {
  assert.equal(exportProgress(0, null, 0), "0 rows");
  assert.equal(exportProgress(50000, 200000, 2), "50,000 rows of about 200,000, 25,000 a second");
  assert.equal(exportProgress(3, 2, 0), "3 rows of more than 2");
});

test("a name gets the suffix of its format in place of another one", () => {
  const known = [".csv", ".parquet"];
  assert.equal(withSuffix("users", ".csv", known), "users.csv");
  assert.equal(withSuffix("out/users.CSV", ".parquet", known), "out/users.parquet");
  assert.equal(withSuffix("a.b", ".csv", known), "a.b.csv");
});

test("a new alias is described by the fields of its kind alone, and never with its secret", () => {
  const given = { alias: "a", engine: "sqlite", name: "x.db", host: "h", port: "1", user: "u", url: "x://", label: "", color: "teal", confirm: "never", read_only: true, reference: "env:X" };
  assert.deepEqual(aliasRequest(given, { byUrl: false, file: true, secret: "typed" }), { alias: "a", engine: "sqlite", name: "x.db", color: "teal", read_only: true });
  assert.deepEqual(aliasRequest(given, { byUrl: false, file: false, secret: "reference" }), { alias: "a", engine: "sqlite", host: "h", port: "1", name: "x.db", user: "u", color: "teal", read_only: true, reference: "env:X" });
  assert.deepEqual(aliasRequest(given, { byUrl: true, file: false, secret: "none" }), { alias: "a", url: "x://", color: "teal", read_only: true });
});
