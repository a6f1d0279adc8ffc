/** Add an alias: where a database is, how it looks, its secret, which is sent once and then forgotten here. */

import { Channel, h, icon, safeColor } from "./core.js";
import { Sheet, sheetInput, sheetLine, sheetSelect, sheetTick } from "./sheet.js";

/** @typedef {{name: string, title: string, also: string[], file: boolean, port: number | null}} Engine */

/** @type {[string, string][]} */
const SECRETS = [["typed", "Type it here"], ["reference", "It is kept elsewhere"], ["none", "None"]];
/** @type {[string, string][]} */
const CONFIRMS = [["never", "Write without asking"], ["writes", "Ask before writes"], ["production", "Production: type the alias"]];
const COLORS = ["", "seagreen", "teal", "steelblue", "slateblue", "orchid", "orange", "crimson", "gray"];

/** What the fields say, but for the secret, as the kernel takes it. @param {Record<string, string | boolean>} given @param {{byUrl: boolean, file: boolean, secret: string}} how */
export function aliasRequest(given, { byUrl, file, secret }) {
  const places = byUrl ? ["url"] : file ? ["engine", "name"] : ["engine", "host", "port", "name", "user"];
  const wanted = ["alias", ...places, "label", "color", "confirm", "read_only", ...(secret === "reference" && !(file && !byUrl) ? ["reference"] : [])];
  return Object.fromEntries(wanted.map((name) => [name, given[name]]).filter(([, value]) => value !== "" && value !== undefined && value !== "never"));
}

export class AliasDialog {
  /**
   * @param {HTMLElement} host
   * @param {Channel} channel
   * @param {(alias: string) => void} onadded
   */
  constructor(host, channel, onadded) {
    this.channel = channel;
    this.onadded = onadded;
    /** @type {Engine[]} */
    this.engines = [];
    this.sheet = new Sheet(host, { title: "Add an alias", icon: "plus", onclose: () => this.forget() });
    const text = (/** @type {Record<string, any>} */ props = {}) => sheetInput("", { oninput: () => this.changed(), ...props });
    this.alias = text({ placeholder: "legacy_users", required: true });
    this.engine = sheetSelect([]);
    this.engine.addEventListener("change", () => this.changed());
    this.name = text();
    this.host = text({ placeholder: "localhost" });
    this.port = text({ inputmode: "numeric", "aria-label": "Port" });
    this.user = text();
    this.url = text({ placeholder: "dialect://user@host:port/database" });
    this.kind = sheetSelect(SECRETS);
    this.kind.addEventListener("change", () => this.changed());
    this.secret = text({ type: "password", autocomplete: "new-password" });
    this.reference = text({ placeholder: "env:NAME, file:PATH or keyring:service/user" });
    this.label = text();
    this.color = sheetSelect(COLORS.map((name) => [name, name || "none"]));
    this.color.addEventListener("change", () => this.changed());
    this.confirm = sheetSelect(CONFIRMS);
    this.readOnly = sheetTick("Read-only: every write is refused");
    this.lines = {
      engine: sheetLine("Engine", this.engine),
      name: sheetLine("Database", this.name),
      host: sheetLine("Host, port", this.host),
      user: sheetLine("User", this.user),
      url: sheetLine("URL", this.url, "A password in it is taken out and kept apart."),
      kind: sheetLine("Password", this.kind),
      secret: sheetLine("", this.secret, "Kept in the memory of this kernel only, never in the notebook."),
      reference: sheetLine("", this.reference, "Looked up each time a connection is made."),
    };
    this.lines.host.append(h("div", { class: "mdb-sheet-pair" }, this.host, this.port));
    this.secret.setAttribute("aria-label", "Password");
    this.reference.setAttribute("aria-label", "Reference to the password");
    this.code = h("pre", { class: "mdb-code", tabindex: 0, "aria-label": "Entry for multidb.toml", hidden: true });
    this.copy = h("button", { class: "mdb-button", type: "button", hidden: true, onclick: () => this.copyEntry() }, "Copy");
    this.yes = h("button", { class: "mdb-button mdb-primary", type: "submit" }, "Add");
    this.sheet.form.addEventListener("submit", () => this.add());
    this.sheet.body.append(
      sheetLine("Alias", this.alias),
      ...Object.values(this.lines),
      sheetLine("Label", this.label),
      sheetLine("Colour", this.color),
      sheetLine("Writes", this.confirm),
      h("div", { class: "mdb-sheet-ticks" }, this.readOnly.element),
      this.code,
    );
    this.sheet.buttons.append(
      h("button", { class: "mdb-button", type: "button", onclick: () => this.entry() }, "Show as multidb.toml"),
      this.copy,
      h("span", { class: "mdb-gap" }),
      h("button", { class: "mdb-button", type: "button", onclick: () => this.sheet.close() }, "Cancel"),
      h("button", { class: "mdb-button", type: "button", onclick: () => this.test() }, icon("plug"), "Test"),
      this.yes,
    );
  }

  async open() {
    this.sheet.open(this.alias);
    await this.sheet.work(async () => {
      const { message } = await this.channel.request("engines");
      this.engines = message.engines;
      const options = this.engines.map(({ name, title, also }) => h("option", { value: name }, [title, ...also].join(" / ")));
      this.engine.replaceChildren(...options, h("option", { value: "" }, "By URL"));
    });
    this.changed();
  }

  get how() {
    const engine = this.engines.find(({ name }) => name === this.engine.value);
    return { byUrl: !engine, file: Boolean(engine?.file), engine, secret: this.kind.value };
  }

  /** Show the fields that this kind of database has. */
  changed() {
    const { byUrl, file, engine, secret } = this.how;
    const server = !byUrl && !file;
    const show = (/** @type {HTMLElement} */ line, /** @type {boolean} */ shown) => line.toggleAttribute("hidden", !shown);
    show(this.lines.url, byUrl);
    show(this.lines.name, !byUrl);
    for (const line of [this.lines.host, this.lines.user]) show(line, server);
    show(this.lines.kind, byUrl || server);
    show(this.lines.secret, (byUrl || server) && secret === "typed");
    show(this.lines.reference, (byUrl || server) && secret === "reference");
    this.port.placeholder = engine?.port ? String(engine.port) : "";
    this.name.placeholder = file ? "data/shop.db" : "shop";
    const label = this.lines.name.querySelector("label");
    if (label) label.textContent = file ? "File" : "Database";
    this.sheet.element.style.setProperty("--mdb-alias", safeColor(this.color.value) || "var(--mdb-neutral)");
    if (!this.code.hidden) this.code.hidden = this.copy.hidden = true;
  }

  /** The description with its secret, for one message and no other use. */
  request() {
    const { alias, engine, name, host, port, user, url, reference, label, color, confirm } = this;
    /** @type {Record<string, string | boolean>} */
    const given = { read_only: this.readOnly.box.checked };
    for (const [key, field] of Object.entries({ alias, engine, name, host, port, user, url, reference, label, color, confirm })) given[key] = field.value.trim();
    const { how } = this;
    const typed = how.secret === "typed" && !(how.file && !how.byUrl) ? this.secret.value : "";
    return { ...aliasRequest(given, how), ...(typed ? { secret: typed } : {}) };
  }

  test() {
    return this.sheet.work(async () => {
      const { message } = await this.channel.request("test_alias", this.request(), { background: true });
      this.sheet.say(message.new_file ? `${message.text} It is made by the first write.` : message.text, message.new_file ? "" : "good");
    }, "Connecting …");
  }

  entry() {
    return this.sheet.work(async () => {
      const { message } = await this.channel.request("describe_alias", this.request());
      this.code.textContent = message.toml;
      this.code.hidden = this.copy.hidden = false;
      this.sheet.say("With this in multidb.toml the alias is there in every session; the password stays where its reference says.");
      this.code.scrollIntoView({ block: "nearest" });
    });
  }

  async copyEntry() {
    await navigator.clipboard.writeText(this.code.textContent ?? "");
    this.sheet.say("Copied", "good");
  }

  add() {
    return this.sheet.work(async () => {
      const { message } = await this.channel.request("add_alias", this.request());
      this.forget();
      this.sheet.close();
      this.onadded(message.alias);
    });
  }

  /** Keep nothing of what was typed as a secret. */
  forget() {
    this.secret.value = "";
    this.url.value = "";
  }
}
