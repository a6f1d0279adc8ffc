/** Rows that somebody else was faster with: base, mine and theirs side by side, and a choice for each cell. */

import { aliasChip, errorText, h, icon, plural, tint, uniqueId } from "./core.js";
import { Sheet, sheetInput } from "./sheet.js";

/** @typedef {"mine" | "theirs" | {text: string}} Side */
/** @typedef {{col: string, base: string | null, mine: string | null, theirs: string | null, ours: boolean}} ConflictCell */
/** @typedef {{table: string, key: string, kind: "changed" | "deleted" | "exists", change: "changed" | "deleted" | "new", cells: ConflictCell[]}} ConflictRow */

/**
 * Whether a row is decided as a whole, and what the two sides then mean in words.
 * @param {ConflictRow} row
 * @returns {{mine: string, theirs: string} | null}
 */
export function wholeChoice({ kind, change }) {
  if (kind === "deleted") return change === "deleted" ? { mine: "Deleted already", theirs: "Fine" } : { mine: "Write my row again", theirs: "Let it go" };
  if (kind === "exists") return { mine: "Put my values into that row", theirs: "Drop my new row" };
  return change === "deleted" ? { mine: "Delete it all the same", theirs: "Keep their row" } : null;
}

/**
 * What the kernel is told of the choices.
 * @param {ConflictRow[]} rows
 * @param {Map<string, Side>} choices by "row" or "row column"
 * @returns {object[] | null} null while something is undecided
 */
export function decided(rows, choices) {
  const found = [];
  for (const [at, row] of rows.entries()) {
    if (wholeChoice(row)) {
      const keep = choices.get(String(at));
      if (!keep) return null;
      found.push({ row: at, keep });
      continue;
    }
    /** @type {Record<string, Side>} */
    const cells = {};
    for (const { col, ours } of row.cells) {
      const side = ours ? choices.get(`${at} ${col}`) : "mine";
      if (!side) return null;
      cells[col] = side;
    }
    found.push({ row: at, cells });
  }
  return found;
}

/** @type {Record<string, string>} */
const SAYINGS = { changed: "changed by somebody else", deleted: "deleted by somebody else", exists: "there is such a row already" };

export class ConflictSheet {
  /**
   * @param {import("./pending_bar.js").PendingBar} bar
   * @param {{conflicts: string, rows: ConflictRow[]}} met
   * @param {import("./core.js").AliasMark} target
   * @param {object} word
   */
  constructor(bar, met, target, word) {
    this.bar = bar;
    this.met = met;
    this.target = target;
    this.word = word;
    /** @type {Map<string, Side>} */
    this.choices = new Map();
    this.sheet = new Sheet(bar.edit.grid.element, { title: plural(met.rows.length, "conflict"), icon: "conflict" });
    this.sheet.element.classList.add("mdb-sheet-wide");
    tint(this.sheet.element, target);
    this.yes = h("button", { class: "mdb-button mdb-primary", type: "submit" }, icon("send"), "Save to", h("span", { class: "mdb-strong" }, target.alias));
    const all = (/** @type {"mine" | "theirs"} */ side, /** @type {string} */ words) => h("button", { class: "mdb-button", type: "button", onclick: () => this.chooseAll(side) }, words);
    this.sheet.body.append(h("p", { class: "mdb-conflict-head" }, "Somebody else changed these rows on ", aliasChip(target), " since you saw them. Nothing was written. Choose what shall stand there."), ...met.rows.map((row, at) => this.row(row, at)));
    this.sheet.buttons.append(all("mine", "All mine"), all("theirs", "All theirs"), h("span", { class: "mdb-gap" }), h("button", { class: "mdb-button", type: "button", onclick: () => this.sheet.close() }, "Later"), this.yes);
    this.sheet.form.addEventListener("submit", () => !this.yes.disabled && this.save());
  }

  open() {
    this.check();
    this.sheet.open(/** @type {HTMLElement | undefined} */ (this.sheet.body.querySelector("input") ?? undefined));
  }

  /** @param {ConflictRow} row @param {number} at */
  row(row, at) {
    const whole = wholeChoice(row);
    const value = (/** @type {string | null} */ text) => (text === null ? h("span", { class: "mdb-null" }, "NULL") : h("span", { class: "mdb-conflict-value" }, text));
    const gone = h("span", { class: "mdb-null" }, "deleted");
    const lines = row.cells.map((cell) => {
      const name = `${at} ${cell.col}`;
      const pick = whole || !cell.ours ? (/** @type {string} */ _, /** @type {Node} */ shown) => shown : (/** @type {string} */ side, /** @type {Node} */ shown) => this.radio(name, /** @type {"mine" | "theirs"} */ (side), `${cell.col}: ${side}`, shown);
      return h(
        "tr", {}, h("th", { scope: "row" }, cell.col), h("td", {}, row.kind === "exists" ? "" : value(cell.base)),
        h("td", {}, row.change === "deleted" ? gone.cloneNode(true) : cell.ours || whole ? pick("mine", value(cell.mine)) : ""),
        h("td", {}, row.kind === "deleted" ? gone.cloneNode(true) : pick("theirs", value(cell.theirs))),
        h("td", {}, whole || !cell.ours ? "" : this.other(name, cell)),
      );
    });
    const head = h("tr", {}, h("th", { scope: "col" }, "Column"), h("th", { scope: "col" }, "Before"), h("th", { scope: "col" }, "Mine"), h("th", { scope: "col" }, "Theirs"), h("th", { scope: "col" }, whole ? "" : "Other"));
    const sides = whole && h("div", { class: "mdb-conflict-sides" }, this.radio(String(at), "mine", `Row ${row.key}: ${whole.mine}`, h("span", {}, whole.mine)), this.radio(String(at), "theirs", `Row ${row.key}: ${whole.theirs}`, h("span", {}, whole.theirs)));
    return h("section", { class: "mdb-conflict", "aria-label": `${row.table} ${row.key}` }, h("h3", {}, `${row.table} ${row.key}`, h("span", { class: "mdb-quiet" }, SAYINGS[row.kind])), h("table", {}, h("thead", {}, head), h("tbody", {}, ...lines)), sides);
  }

  /** @param {string} name @param {"mine" | "theirs"} side @param {string} words @param {Node} shown */
  radio(name, side, words, shown) {
    const input = h("input", { type: "radio", name: `${this.met.conflicts} ${name}`, "aria-label": words, "data-side": side, onchange: () => this.choose(name, side) });
    return h("label", { class: "mdb-conflict-pick" }, input, shown);
  }

  /** A third value, typed. @param {string} name @param {ConflictCell} cell */
  other(name, cell) {
    const input = sheetInput("", { "aria-label": `${cell.col}: another value`, placeholder: "type it", id: uniqueId("other") });
    const radio = h("input", { type: "radio", name: `${this.met.conflicts} ${name}`, "aria-label": `${cell.col}: other`, "data-side": "other", onchange: () => this.choose(name, { text: input.value }) });
    input.addEventListener("input", () => {
      radio.checked = true;
      this.choose(name, { text: input.value });
    });
    return h("span", { class: "mdb-conflict-pick" }, radio, input);
  }

  /** @param {string} name @param {Side} side */
  choose(name, side) {
    this.choices.set(name, side);
    this.check();
  }

  /** @param {"mine" | "theirs"} side */
  chooseAll(side) {
    for (const input of this.sheet.body.querySelectorAll(`input[data-side=${side}]`)) {
      /** @type {HTMLInputElement} */ (input).checked = true;
      input.dispatchEvent(new Event("change"));
    }
    this.yes.focus();
  }

  check() {
    this.yes.disabled = !decided(this.met.rows, this.choices);
  }

  async save() {
    const { bar, met } = this;
    const choices = decided(met.rows, this.choices);
    try {
      const { message } = await bar.edit.grid.channel.request("resolve", { conflicts: met.conflicts, choices });
      bar.edit.apply(message);
      this.sheet.close();
      if (message.pending.new + message.pending.changed + message.pending.deleted) await bar.run(this.target, this.word);
      else bar.edit.grid.say("Theirs is kept; nothing is left to save", "good");
      if (!(message.pending.new + message.pending.changed + message.pending.deleted)) bar.edit.grid.reread();
    } catch (error) {
      this.sheet.say(errorText(error), "bad");
    }
  }
}
