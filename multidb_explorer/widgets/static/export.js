/** Export of the rows on screen: a file of the kernel's machine, a download, or the clipboard; with progress and Cancel. */

import { byteSize, countRows, errorText, group, h, icon, plural } from "./core.js";
import { Sheet, sheetInput, sheetLine, sheetSelect, sheetTick } from "./sheet.js";

/** @typedef {{name: string, title: string, suffix: string, refused: string}} ExportFormat */

/**
 * How far a long job is, in words: rows, rate, and the share of what is expected.
 * @param {number} rows
 * @param {number | null | undefined} expected
 * @param {number} seconds
 */
export function exportProgress(rows, expected, seconds) {
  const rate = seconds > 0.5 && rows ? `, ${group(rows / seconds)} a second` : "";
  const share = expected ? ` of ${rows > expected ? "more than " : "about "}${group(expected)}` : "";
  return `${plural(rows, "row")}${share}${rate}`;
}

/** The file name with the suffix of a format, where it has none or that of another format. @param {string} path @param {string} suffix @param {string[]} known */
export function withSuffix(path, suffix, known) {
  const other = known.find((one) => path.toLowerCase().endsWith(one));
  return `${other ? path.slice(0, -other.length) : path}${suffix}`;
}

/** Hand a file to the browser. @param {DataView} data @param {string} name */
function saveInBrowser(data, name) {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const address = URL.createObjectURL(new Blob([bytes.slice()]));
  const link = h("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export class ExportDialog {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    this.channel = grid.channel;
    /** @type {ExportFormat[]} */
    this.formats = [];
    this.stem = "rows";
    /** @type {AbortController | null} */
    this.stop = null;
    this.sheet = new Sheet(grid.element, { title: `Export ${grid.title}`, icon: "download", onclose: () => this.stop?.abort() });
    this.format = sheetSelect([]);
    this.format.addEventListener("change", () => this.changed());
    this.target = sheetSelect([["file", "A file of this kernel"], ["download", "Download in the browser"], ["clipboard", "Clipboard"]]);
    this.target.addEventListener("change", () => this.changed());
    this.path = sheetInput("", { oninput: () => this.sheet.say("") });
    this.scope = sheetSelect([["all", ""], ["selected", ""]]);
    this.visible = sheetTick("Only the columns that are shown", true);
    this.lines = { path: sheetLine("File", this.path, " "), scope: sheetLine("Rows", this.scope) };
    this.bar = h("progress", { class: "mdb-export-progress", max: 1, hidden: true, "aria-label": "Progress" });
    this.no = h("button", { class: "mdb-button", type: "button", onclick: () => this.cancel() }, "Cancel");
    this.yes = h("button", { class: "mdb-button mdb-primary", type: "submit" }, "Export");
    this.replace = h("button", { class: "mdb-button mdb-danger", type: "button", hidden: true, onclick: () => this.run(true) }, "Replace it");
    this.sheet.form.addEventListener("submit", () => this.run(false));
    this.sheet.body.append(
      sheetLine("Format", this.format), sheetLine("To", this.target), this.lines.path, this.lines.scope,
      h("div", { class: "mdb-sheet-ticks" }, this.visible.element), this.bar,
    );
    this.sheet.buttons.append(this.no, this.replace, this.yes);
  }

  get chosen() {
    return this.formats.find(({ name }) => name === this.format.value);
  }

  get shownColumns() {
    return this.grid.columns.map(({ name }) => name);
  }

  async open() {
    const { grid } = this;
    const selected = countRows(grid.selected);
    const total = grid.store.exact ? plural(grid.length, "row") : grid.store.rowCount ? `about ${plural(grid.length, "row")}` : "all rows";
    this.scope.options[0].textContent = `All of them: ${total}`;
    this.scope.options[1].textContent = `The selected ones: ${plural(selected, "row")}`;
    this.scope.options[1].disabled = !selected;
    this.scope.value = selected > 1 ? "selected" : "all";
    this.sheet.open(this.format);
    await this.sheet.work(async () => {
      const { message } = await this.channel.request("export_formats");
      this.formats = message.formats;
      this.stem = message.stem;
      this.format.replaceChildren(...this.formats.map(({ name, title, refused }) => h("option", { value: name, disabled: Boolean(refused) }, refused ? `${title} (${refused})` : title)));
      const hint = this.lines.path.querySelector(".mdb-sheet-hint");
      if (hint) hint.textContent = `Relative names are in ${message.folder}`;
      this.format.focus({ preventScroll: true });
    });
    this.changed();
  }

  changed() {
    const form = this.chosen;
    if (!form) return;
    const file = this.target.value === "file";
    const texts = ["tsv", "markdown", "csv", "sql", "jsonl"].includes(form.name);
    this.target.options[2].disabled = !texts;
    if (!texts && this.target.value === "clipboard") this.target.value = "file";
    this.lines.path.toggleAttribute("hidden", !file);
    this.path.value = withSuffix(this.path.value || this.stem, form.suffix, this.formats.map(({ suffix }) => suffix));
    this.yes.textContent = this.target.value === "clipboard" ? "Copy" : this.target.value === "download" ? "Download" : "Export";
    this.replace.hidden = true;
  }

  /** @param {boolean} overwrite */
  async run(overwrite) {
    const { sheet, target, grid } = this;
    if (sheet.busy || !this.chosen) return;
    const body = {
      format: this.format.value, selected: this.scope.value === "selected", columns: this.visible.box.checked ? this.shownColumns : undefined,
      ...(target.value === "file" ? { path: this.path.value, overwrite } : target.value === "download" ? { download: true } : {}),
    };
    const began = performance.now();
    /** @type {number | null} */
    let expected = null;
    const onprogress = (/** @type {any} */ message) => {
      expected = message.estimate ?? expected;
      sheet.say(exportProgress(message.rows, expected, (performance.now() - began) / 1000), "busy");
      if (expected) this.bar.value = Math.min(1, message.rows / expected);
    };
    this.stop = new AbortController();
    this.replace.hidden = true;
    this.bar.hidden = false;
    this.bar.removeAttribute("value");
    this.yes.disabled = true;
    await sheet.work(async () => {
      const kind = target.value === "clipboard" ? "export_copy" : "export";
      const { message, data } = await this.channel.request(kind, body, { background: true, signal: this.stop?.signal, onprogress });
      await this.done(message, data);
    }, "Asking the database …");
    this.stop = null;
    this.bar.hidden = true;
    this.yes.disabled = false;
    grid.ask();
  }

  /** @param {any} message @param {DataView[]} data */
  async done(message, data) {
    const { sheet, target, grid } = this;
    if (message.type === "exists") {
      sheet.say(`${message.text} Replace it, or choose another name.`, "bad");
      this.replace.hidden = false;
      return;
    }
    const size = `${plural(message.rows, "row")}, ${byteSize(message.bytes)}`;
    if (target.value === "clipboard") await navigator.clipboard.writeText(new TextDecoder().decode(data[0]));
    if (target.value === "download") saveInBrowser(data[0], withSuffix(this.stem, this.chosen?.suffix ?? "", []));
    grid.say(target.value === "clipboard" ? `Copied ${size}` : target.value === "download" ? `Downloaded ${size}` : `${message.text} (${byteSize(message.bytes)})`, "good");
    sheet.close();
  }

  /** Stop what runs; where nothing does, close. */
  cancel() {
    if (this.stop) this.stop.abort();
    else this.sheet.close();
  }
}

/** The part of the grid that offers the export, in its menus and its foot. */
export class ExportPart {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    /** @type {ExportDialog | null} */
    this.dialog = null;
    this.button = h("button", { class: "mdb-tool mdb-export-button", type: "button", "aria-label": "Export the rows", title: "Export the rows", hidden: true, onclick: () => this.open() }, icon("download"));
    grid.foot.element.append(this.button);
  }

  paint() {
    this.button.hidden = !this.grid.columns.length;
  }

  open() {
    this.dialog = new ExportDialog(this.grid);
    return this.dialog.open().catch((error) => this.grid.say(errorText(error), "bad"));
  }

  /** @returns {import("./grid_menu.js").MenuItem[]} */
  menu() {
    return [{ label: "Export…", icon: "download", group: "export", run: () => this.open() }];
  }

  dispose() {
    this.dialog?.sheet.close();
  }
}
