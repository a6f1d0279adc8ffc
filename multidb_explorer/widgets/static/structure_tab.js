/** The explorer's tab "Structure": columns, keys, indexes, foreign keys both ways, checks, triggers and the statement. */

import { h, plural } from "./core.js";
import { Pane, keyBadge, monoText, section, sheet } from "./pane.js";
import { codeBlock } from "./code_view.js";

/** @typedef {{name: string | null, columns: string[], table: string, schema: string | null, target_columns: string[], on_delete: string, on_update: string}} Link */

/** "(a, b)" for several columns, "a" for one. @param {(string | null)[]} columns */
export const columnList = (columns) => {
  const names = columns.map((name) => name ?? "expression");
  return names.length === 1 ? names[0] : `(${names.join(", ")})`;
};

/** What happens to a row when the one it refers to goes; nothing to say where it is refused. @param {Link} link */
export const rules = ({ on_delete, on_update }) =>
  [["on delete", on_delete], ["on update", on_update]]
    .filter(([, rule]) => rule && rule !== "NO ACTION" && rule !== "RESTRICT")
    .map(([when, rule]) => `${when} ${rule.toLowerCase()}`)
    .join(", ");

export class StructureTab {
  /** @param {import("./explorer.js").Explorer} explorer */
  constructor(explorer) {
    this.explorer = explorer;
    this.pane = new Pane(explorer.channel, "Structure of the table");
    this.element = this.pane.element;
  }

  /** @param {any} opened */
  open(opened) {
    this.pane.clear();
    if (opened) this.pane.load("structure", {}, { title: "Reading the structure …", failed: "The structure can’t be read" }, (message) => this.paint_(message));
  }

  focus() {
    this.pane.body.focus({ preventScroll: true });
  }

  dispose() {
    this.pane.drop();
  }

  /** @param {any} found */
  paint_(found) {
    const keys = [
      ...(found.primary_key.length ? [[h("span", {}, keyBadge("PK", true), "primary"), columnList(found.primary_key)]] : []),
      ...found.uniques.map((/** @type {string[]} */ key) => [h("span", {}, keyBadge("UQ"), "unique"), columnList(key)]),
    ];
    const parts = [
      found.comment && h("p", { class: "mdb-lead" }, found.comment),
      section("Columns", String(found.columns.length), sheet(["Name", "Type", "NULL", "Default", "Refers to", "Comment"], found.columns.map((/** @type {any} */ column) => this.columnRow(column)), "Columns")),
      keys.length > 0 && section("Keys", "", sheet(["Key", "Columns"], keys, "Keys")),
      found.foreign_keys.length > 0 && section("Foreign keys", "", sheet(["Columns", "Refers to", "Rule"], found.foreign_keys.map((/** @type {Link} */ link) => [columnList(link.columns), this.linkTo(link, link.target_columns), rules(link)]), "Foreign keys")),
      found.references.length > 0 && section("Referred to by", plural(found.references.length, "foreign key"), sheet(["Table", "By", "Rule"], found.references.map((/** @type {Link} */ link) => [this.linkTo(link, link.columns), columnList(link.target_columns), rules(link)]), "Referred to by")),
      found.indexes.length > 0 && section("Indexes", "", sheet(["Name", "Columns", "Kind"], found.indexes.map((/** @type {any} */ index) => [monoText(index.name ?? ""), columnList(index.columns), [index.unique && "unique", index.partial && "partial"].filter(Boolean).join(", ")]), "Indexes")),
      found.checks.length > 0 && section("Checks", "", sheet(["Name", "Condition"], found.checks.map((/** @type {any} */ check) => [monoText(check.name ?? ""), monoText(check.text)]), "Checks")),
      found.triggers.length > 0 && section("Triggers", "", ...found.triggers.map((/** @type {any} */ trigger) => codeBlock(trigger.text, "sql", `Trigger ${trigger.name}`))),
      section("Definition", found.own_words ? "in the database’s own words" : "written from what the catalog tells", found.ddl ? codeBlock(found.ddl, "sql", "The statement that makes it") : h("p", { class: "mdb-lead" }, "The database does not tell.")),
    ];
    this.pane.body.replaceChildren(...parts.filter((part) => part instanceof Node));
    this.pane.body.scrollTop = 0;
  }

  /** @param {any} column */
  columnRow(column) {
    return [
      h("span", {}, column.primary_key && keyBadge("PK", true), h("b", {}, column.name)),
      h("span", { class: "mdb-type-name" }, column.type),
      column.nullable ? h("span", { class: "mdb-faint" }, "NULL") : "not null",
      column.made ? h("span", { class: "mdb-faint" }, column.made) : monoText(column.default ?? ""),
      h("span", {}, ...column.targets.flatMap((/** @type {any} */ target) => [this.linkTo(target, [target.column]), " "])),
      column.comment ?? "",
    ];
  }

  /** A table's name that opens it. @param {{table: string, schema: string | null}} link @param {string[]} columns */
  linkTo({ table, schema }, columns) {
    const open = () => this.explorer.openTable({ name: table, schema, kind: "table", comment: null, rows: null });
    return h("span", {}, h("button", { class: "mdb-link mdb-go", type: "button", onclick: open }, schema ? `${schema}.${table}` : table), h("span", { class: "mdb-faint" }, `.${columnList(columns)}`));
  }
}
