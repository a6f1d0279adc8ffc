/** What was copied elsewhere, before it is staged: where it goes, what fits, and why the rest does not. */

import { errorText, group, h, icon, plural } from "./core.js";
import { Sheet } from "./sheet.js";

const ROWS_SHOWN = 60;
const COLUMNS_SHOWN = 14;
const ERRORS_SHOWN = 5;

/**
 * Tab-separated text as spreadsheets put it on the clipboard: a field in quotes may hold tabs, line breaks and doubled quotes.
 * @param {string} text
 * @returns {string[][]}
 */
export function parseTsv(text) {
  /** @type {string[][]} */
  const rows = [[]];
  const plain = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  if (!plain) return text ? [[""]] : [];
  let at = 0;
  while (at <= plain.length) {
    let field = "";
    if (plain[at] === '"') {
      let end = at + 1;
      while (end < plain.length && (plain[end] !== '"' || plain[end + 1] === '"')) end += plain[end] === '"' ? 2 : 1;
      const after = plain[end + 1];
      if (plain[end] === '"' && (after === undefined || after === "\t" || after === "\n")) {
        field = plain.slice(at + 1, end).replaceAll('""', '"');
        at = end + 1;
      } else [field, at] = unquoted(plain, at);
    } else [field, at] = unquoted(plain, at);
    rows[rows.length - 1].push(field);
    if (plain[at] === "\n") rows.push([]);
    at += 1;
  }
  return rows;
}

/** @param {string} text @param {number} at @returns {[string, number]} */
function unquoted(text, at) {
  let end = at;
  while (end < text.length && text[end] !== "\t" && text[end] !== "\n") end += 1;
  return [text.slice(at, end), end];
}

/** "11 of 12 cells fit; 1 does not". @param {number} cells @param {number} errors */
export function fitText(cells, errors) {
  if (!errors) return `All ${plural(cells, "cell")} fit`;
  return `${group(cells - errors)} of ${plural(cells, "cell")} fit; ${group(errors)} ${errors === 1 ? "does" : "do"} not and ${errors === 1 ? "is" : "are"} left out`;
}

export class PasteSheet {
  /**
   * @param {import("./grid_edit.js").GridEdit} edit
   * @param {{cells: string[][], columns: string[], keys: string[], top: number, bottom: number, cut: number}} block
   */
  constructor(edit, block) {
    this.edit = edit;
    this.block = { ...block, cells: block.cells.map((row) => row.slice(0, block.columns.length)) };
    this.sheet = new Sheet(edit.grid.element, { title: "Paste", icon: "table" });
    this.sheet.element.classList.add("mdb-sheet-wide");
    this.where = h("div", { class: "mdb-paste-where" });
    this.table = h("div", { class: "mdb-paste", tabindex: 0, role: "region", "aria-label": "What would be pasted" });
    this.yes = h("button", { class: "mdb-button mdb-primary", type: "submit" }, "Stage");
    this.yes.disabled = true;
    this.sheet.body.append(this.where, this.table);
    this.sheet.buttons.append(h("span", { class: "mdb-gap" }), h("button", { class: "mdb-button", type: "button", onclick: () => this.sheet.close() }, "Cancel"), this.yes);
    this.sheet.form.addEventListener("submit", () => !this.yes.disabled && this.stage());
  }

  get body() {
    const { cells, columns, keys } = this.block;
    return { cells, cols: columns, keys };
  }

  async open() {
    this.sheet.open(this.yes);
    this.sheet.say("Reading what was copied …", "busy");
    try {
      const { message } = await this.edit.grid.channel.request("check", this.body, { background: true });
      this.show(message.cells, message.errors);
    } catch (error) {
      this.sheet.say(errorText(error), "bad");
    }
  }

  /** @param {number} count @param {[number, number, string][]} errors */
  show(count, errors) {
    const { cells, columns, keys, top, cut } = this.block;
    const fresh = cells.length - keys.length;
    const over = keys.length ? `rows ${group(top + 1)} – ${group(top + keys.length)}` : "";
    const news = fresh > 0 ? plural(fresh, "new row") : "";
    this.where.replaceChildren(
      h("span", {}, `${plural(cells.length, "row")} × ${plural(columns.length, "column")} into `),
      h("b", {}, columns.length > 1 ? `${columns[0]} … ${columns[columns.length - 1]}` : columns[0]),
      h("span", {}, `, ${[over, news].filter(Boolean).join(" and ")}`),
    );
    this.table.replaceChildren(this.preview(errors));
    const said = errors.slice(0, ERRORS_SHOWN).map(([row, column, text]) => `Row ${row + 1}, ${columns[column]}: ${text}`);
    const more = errors.length > ERRORS_SHOWN ? [`and ${errors.length - ERRORS_SHOWN} more`] : [];
    const lost = cut > 0 ? [`${plural(cut, "column")} more were copied than there are to the right; they are left out.`] : [];
    this.sheet.say([`${fitText(count, errors.length)}. An empty cell becomes NULL where that may be.`, ...lost, ...said, ...more].join("\n"), errors.length || cut > 0 ? "bad" : "good");
    const fits = count - errors.length;
    this.yes.disabled = fits === 0;
    this.yes.replaceChildren(icon("check"), `Stage ${plural(fits, "cell")}`);
    this.yes.focus();
  }

  /** @param {[number, number, string][]} errors */
  preview(errors) {
    const { cells, columns, keys, top } = this.block;
    const wrong = new Map(errors.map(([row, column, text]) => [`${row} ${column}`, text]));
    const shown = columns.slice(0, COLUMNS_SHOWN);
    const line = (/** @type {string[]} */ row, /** @type {number} */ r) => h(
      "tr", {}, h("th", { scope: "row" }, r < keys.length ? group(top + r + 1) : "new"),
      ...shown.map((_, c) => {
        const text = wrong.get(`${r} ${c}`);
        return h("td", { class: text ? "mdb-paste-wrong" : undefined, title: text }, text && icon("warning"), row[c] === "" ? h("span", { class: "mdb-null" }, "empty") : row[c] ?? "");
      }),
    );
    const head = h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "row"), ...shown.map((name) => h("th", { scope: "col" }, name))));
    return h("table", {}, head, h("tbody", {}, ...cells.slice(0, ROWS_SHOWN).map(line)));
  }

  async stage() {
    const message = await this.sheet.work(async () => (await this.edit.grid.channel.request("paste", this.body, { background: true })).message, "Staging …");
    if (!message) return;
    this.edit.apply(message);
    this.sheet.close();
    this.edit.grid.say(`Pasted; ${message.made.length ? `${plural(message.made.length, "row")} new, ` : ""}nothing is written before you save`, "good");
  }
}
