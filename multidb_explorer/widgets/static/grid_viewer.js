/** The viewer under the rows: the whole value of the active cell, as wrapped text, a JSON tree, or bytes and pictures. */

import { KernelError, byteSize, errorText, group, h, icon, plural } from "./core.js";
import { hexDump, jsonTree, parseJson, pictureType } from "./value_views.js";

/** @typedef {{message: any, bytes: Uint8Array}} WholeValue */

const REST = 120;
const DUMPED = 4096;

export class GridViewer {
  /** @param {import("./data_grid.js").Grid} grid */
  constructor(grid) {
    this.grid = grid;
    this.isOpen = false;
    this.wrap = true;
    this.shown = "";
    /** @type {any} */
    this.timer = undefined;
    this.asked = 0;
    this.stop = new AbortController();
    this.pictureUrl = "";
    /** @type {WholeValue | null} */
    this.whole = null;
    this.title = h("span", { class: "mdb-viewer-title" });
    this.note = h("span", { class: "mdb-viewer-note", role: "status" });
    this.wrapButton = this.tool("view", "Wrap long lines", () => this.toggleWrap());
    this.copyButton = this.tool("copy", "Copy the whole value", () => this.copy());
    this.saveButton = this.tool("download", "Download the value as a file", () => this.save());
    this.body = h("div", { class: "mdb-viewer-body mdb-wrap", role: "region", "aria-label": "Value", tabindex: 0 });
    this.element = h(
      "div",
      { class: "mdb-viewer", hidden: true },
      h("div", { class: "mdb-viewer-head" }, this.title, this.note, h("span", { class: "mdb-gap" }), this.wrapButton, this.copyButton, this.saveButton, this.tool("close", "Close the viewer", () => this.close())),
      this.body,
    );
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    grid.foot.element.before(this.element);
    grid.body.addEventListener("dblclick", (event) => this.marked(event));
  }

  /** @param {Parameters<typeof icon>[0]} picture @param {string} label @param {() => void} onclick */
  tool(picture, label, onclick) {
    return h("button", { class: "mdb-tool", type: "button", title: label, "aria-label": label, onclick }, icon(picture));
  }

  // ------------------------------------------------------------------ opening and closing

  open() {
    this.isOpen = true;
    this.element.hidden = false;
    this.shown = "";
    this.look();
  }

  close() {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.element.hidden = true;
    this.forget();
    this.grid.view.focus({ preventScroll: true });
  }

  forget() {
    clearTimeout(this.timer);
    this.stop.abort();
    this.whole = null;
    if (this.pictureUrl) URL.revokeObjectURL(this.pictureUrl);
    this.pictureUrl = "";
  }

  /** The mark of a value that is cut leads to all of it. @param {MouseEvent} event */
  marked(event) {
    if (event.target instanceof HTMLElement && event.target.dataset.mark) this.open();
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.key === "Escape") this.close();
    else if (event.key !== "F4") {
      if (!(event.ctrlKey || event.metaKey)) event.stopPropagation();
      return;
    } else this.grid.view.focus({ preventScroll: true });
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Escape" && this.isOpen) {
      this.close();
      return true;
    }
    if (event.key !== "F4" || event.ctrlKey || event.altKey || this.grid.active.row < 0) return false;
    if (this.isOpen) this.body.focus({ preventScroll: true });
    else this.open();
    return true;
  }

  /** @param {import("./grid_menu.js").MenuPlace} place @returns {import("./grid_menu.js").MenuItem[]} */
  menu({ kind }) {
    return kind === "cell" ? [{ label: "View the whole value", keys: "F4", icon: "view", group: "view", run: () => this.open() }] : [];
  }

  // ------------------------------------------------------------------ following the active cell

  look() {
    const { grid } = this;
    const { row, column } = grid.active;
    const place = `${grid.store.epoch}-${row}-${grid.columns[column]?.name}`;
    if (!this.isOpen || place === this.shown || !grid.hasActive || row < 0) return;
    this.shown = place;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetch(row, grid.columns[column]), REST);
  }

  /** @param {number} row @param {import("./columns.js").Column} column */
  async fetch(row, column) {
    const { grid } = this;
    this.asked += 1;
    const { asked } = this;
    this.forget();
    this.stop = new AbortController();
    this.title.textContent = `${column.name} · row ${group(row + 1)}`;
    this.note.textContent = "Reading …";
    try {
      const { message, data } = await grid.channel.request("value", { epoch: grid.store.epoch, row, column: column.name }, { background: true, signal: this.stop.signal });
      if (asked !== this.asked || !this.isOpen) return;
      const [view] = data;
      this.whole = { message, bytes: view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array() };
      this.paint(this.whole, column);
    } catch (error) {
      if (asked !== this.asked || (error instanceof KernelError && error.cancelled)) return;
      this.note.textContent = "";
      this.body.replaceChildren(h("div", { class: "mdb-viewer-error", role: "alert" }, icon("warning"), errorText(error)));
    }
  }

  /** @param {WholeValue} whole @param {import("./columns.js").Column} column */
  paint({ message, bytes }, column) {
    const { form, size, cut, key } = message;
    const limit = cut ? ` · only the first ${byteSize(bytes.length)} are shown here; read the rest in Python` : "";
    if (key !== null) this.title.textContent = `${column.name} · ${key}`;
    const text = form === "bytes" || form === "null" ? "" : new TextDecoder().decode(bytes);
    const length = form === "bytes" ? byteSize(size) : form === "null" ? "" : cut ? byteSize(size) : plural([...text].length, "character");
    this.note.textContent = `${column.type}${length ? ` · ${length}` : ""}${limit}`;
    this.wrapButton.hidden = form !== "text" && form !== "json";
    this.copyButton.hidden = this.saveButton.hidden = form === "null";
    this.body.replaceChildren(...this.views(form, text, bytes));
    this.body.scrollTo(0, 0);
  }

  /** @param {string} form @param {string} text @param {Uint8Array} bytes @returns {Node[]} */
  views(form, text, bytes) {
    if (form === "null") return [h("span", { class: "mdb-viewer-null" }, "NULL")];
    if (form === "bytes") return this.bytesViews(bytes);
    if (form === "json") {
      const tree = parseJson(text);
      if (tree !== undefined) return [jsonTree(tree)];
    }
    return [h("pre", { class: "mdb-viewer-text" }, text)];
  }

  /** @param {Uint8Array} bytes @returns {Node[]} */
  bytesViews(bytes) {
    const type = pictureType(bytes);
    const dump = h("pre", { class: "mdb-viewer-hex" }, hexDump(bytes.subarray(0, DUMPED)));
    const more = bytes.length > DUMPED ? [h("button", { class: "mdb-link", type: "button", onclick: (/** @type {Event} */ event) => { dump.textContent = hexDump(bytes.subarray(0, DUMPED * 16)); /** @type {HTMLElement} */ (event.target).remove(); } }, "Show more bytes")] : [];
    if (!type) return [dump, ...more];
    // The bytes themselves, from memory: nothing is ever fetched for a picture.
    this.pictureUrl = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (bytes)], { type }));
    return [h("img", { class: "mdb-viewer-picture", src: this.pictureUrl, alt: `The value as a picture (${type})` }), dump, ...more];
  }

  // ------------------------------------------------------------------ what can be done with it

  toggleWrap() {
    this.wrap = !this.wrap;
    this.wrapButton.setAttribute("aria-pressed", String(this.wrap));
    this.body.classList.toggle("mdb-wrap", this.wrap);
  }

  /** The value as a text: bytes as hexadecimal digits. */
  get asText() {
    if (!this.whole) return "";
    const { message, bytes } = this.whole;
    return message.form === "bytes" ? [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("") : new TextDecoder().decode(bytes);
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.asText);
      this.grid.say(this.whole?.message.cut ? "Copied as far as it is shown" : "Copied the whole value", this.whole?.message.cut ? "bad" : "good");
    } catch (error) {
      this.grid.say(`Nothing was copied: ${errorText(error)}`, "bad");
    }
  }

  save() {
    if (!this.whole) return;
    const { message, bytes } = this.whole;
    const type = pictureType(bytes);
    const end = message.form === "bytes" ? (type ? type.split("/")[1].replace("jpeg", "jpg") : "bin") : message.form === "json" ? "json" : "txt";
    const url = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (bytes)], { type: type || "application/octet-stream" }));
    const name = `${this.grid.title}-${this.title.textContent}`.replace(/[^\p{L}\p{N}_.-]+/gu, "-");
    h("a", { href: url, download: `${name}.${end}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}

/** @type {import("./data_grid.js").PartMaker} */
export const viewerPart = (grid) => {
  const viewer = new GridViewer(grid);
  return {
    opened: () => viewer.close(),
    renewed: () => (viewer.shown = ""),
    paint: () => viewer.look(),
    key: (event) => viewer.key(event),
    menu: (place) => viewer.menu(place),
    dispose: () => viewer.forget(),
  };
};
