/** A plan and a report as tables: what goes where and why, what is in the way, what was done. Records in, elements out. */

import { aliasChip, byteSize, group, h, icon, plural } from "./core.js";
import { sheetSelect } from "./sheet.js";

/**
 * @typedef {object} PlanStep
 * @property {string} table
 * @property {string | null} schema
 * @property {string} target
 * @property {boolean} created
 * @property {number} rows
 * @property {{path: string, rows: number}[]} ways
 * @property {boolean} leaves
 * @property {number} leaving
 * @property {{rows: number, reason: string}[]} kept
 * @property {number} there
 * @property {string} policy
 * @property {{key: string[], rows: number, examples: string[]}[]} clashes
 * @property {string[]} patched
 * @property {{source: string, source_type: string, target: string, target_type: string, proof: string, objection: string}[]} columns
 */
/** @typedef {{table: string, column: string, reason: string, name: string | null}} PlanObjection name: what it is accepted by, or null */
/**
 * @typedef {object} TransferPlan
 * @property {string} plan
 * @property {"copy" | "move"} kind
 * @property {import("./core.js").AliasMark} source
 * @property {import("./core.js").AliasMark} target
 * @property {string} mode
 * @property {boolean} whole
 * @property {number} rows
 * @property {number} bytes
 * @property {PlanStep[]} steps
 * @property {PlanObjection[]} refused
 * @property {PlanObjection[]} accepted
 * @property {string[]} notes what is worth knowing and keeps it from nothing
 * @property {string[]} type_aliases
 */

const MODES = /** @type {Record<string, string>} */ ({
  COPY_VERIFY_DELETE: "copied, verified by a second look, deleted last",
  TWO_PHASE: "both databases commit together",
  SAME_TRANSACTION: "one transaction of one server",
});
/** @type {[string, string][]} */
const POLICIES = [["error", "stop"], ["skip", "leave them as they are"], ["overwrite", "overwrite them"], ["newkey", "come under new keys"]];

/** The policies that a plan of this kind may have. @param {string} kind */
export const policiesOf = (kind) => POLICIES.filter(([name]) => name !== "overwrite" || kind === "copy");

/** What a step does with the rows that are there now, in words. @param {PlanStep} step @param {string} kind */
export function fateOf(step, kind) {
  if (kind === "copy" || !step.leaves) return kind === "copy" ? "stay" : "all stay";
  if (step.leaving === step.rows) return "leave";
  return `${group(step.leaving)} leave, ${group(step.rows - step.leaving)} stay`;
}

/** The one line over a plan. @param {TransferPlan} plan */
export function planLine({ rows, bytes, steps, whole, mode }) {
  const size = bytes ? ` · about ${byteSize(bytes)}` : "";
  return `${plural(rows, "row")} of ${plural(steps.length, "table")}${size} · ${whole ? "all at once" : "in units"} · ${MODES[mode] ?? mode}`;
}

/** @param {string} text @param {string} [look] */
const note = (text, look = "") => h("div", { class: `mdb-move-note${look ? ` mdb-move-${look}` : ""}` }, text);

/**
 * @param {TransferPlan} plan
 * @param {{onpolicy: (step: PlanStep, policy: string) => void, onwithout: (step: PlanStep) => void}} events
 */
export function stepsTable(plan, events) {
  const rows = plan.steps.map((step, at) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, step.table, step.target !== step.table && h("span", { class: "mdb-faint" }, ` → ${step.target}`), step.created && note("the table is made")),
      h("td", { class: "mdb-num" }, group(step.rows)),
      h("td", {}, ...step.ways.map((way) => note(`${step.ways.length > 1 ? `${group(way.rows)} ` : ""}${way.path}`))),
      h("td", {}, fateOf(step, plan.kind), ...step.kept.map((kept) => note(`${group(kept.rows)} stay: ${kept.reason}`))),
      h("td", {}, ...meetings(step, plan, events)),
      h("td", {}, at > 0 && h("button", { class: "mdb-tool", type: "button", title: `Leave out ${step.table}`, "aria-label": `Leave out ${step.table}`, onclick: () => events.onwithout(step) }, icon("close"))),
    ),
  );
  const head = ["Table", "Rows", "Why", "In the source they", "In the target", ""].map((name, at) => h("th", { scope: "col", class: at === 1 && "mdb-num" }, name || h("span", { class: "mdb-hidden" }, "Leave out")));
  return h("div", { class: "mdb-move-scroll", tabindex: 0, role: "region", "aria-label": "Steps" }, h("table", { class: "mdb-move-table" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows)));
}

/** What the rows of a step meet in the target. @param {PlanStep} step @param {TransferPlan} plan @param {{onpolicy: (step: PlanStep, policy: string) => void}} events */
function meetings(step, plan, events) {
  const found = [];
  if (step.there) found.push(note(`${group(step.there)} are there already, equal`));
  for (const clash of step.clashes) {
    const more = clash.rows > clash.examples.length ? ", …" : "";
    found.push(note(`${group(clash.rows)} meet other rows by ${clash.key.join(", ")} (${clash.examples.join(", ")}${more})`, "warn"));
  }
  if (step.clashes.length) {
    const choice = sheetSelect(policiesOf(plan.kind), step.policy);
    choice.setAttribute("aria-label", `What happens to rows of ${step.table} that meet others`);
    choice.addEventListener("change", () => events.onpolicy(step, choice.value));
    found.push(choice);
  }
  if (!found.length) found.push(h("span", { class: "mdb-faint" }, "are new"));
  return found;
}

/**
 * What keeps a plan from being run, with a tick where it may be accepted.
 * @param {TransferPlan} plan
 * @param {(name: string, accepted: boolean) => void} onaccept
 */
export function objectionList(plan, onaccept) {
  /** @param {PlanObjection} one @param {boolean} accepted */
  const line = (one, accepted) => {
    const where = [one.table, one.column].filter(Boolean).join(".");
    const text = h("span", {}, where && h("b", {}, `${where}: `), one.reason);
    if (one.name === null) return h("li", {}, icon("warning"), text);
    const box = h("input", { type: "checkbox", class: "mdb-tick-box" });
    box.checked = accepted;
    box.addEventListener("change", () => onaccept(/** @type {string} */ (one.name), box.checked));
    return h("li", {}, h("label", {}, box, h("span", {}, h("b", {}, accepted ? "Accepted. " : "Accept? "), text)));
  };
  const lines = [...plan.refused.map((one) => line(one, false)), ...plan.accepted.map((one) => line(one, true))];
  return lines.length ? h("ul", { class: "mdb-move-objections", "aria-label": "Objections" }, ...lines) : null;
}

/** Which column takes which, and why nothing is lost. @param {TransferPlan} plan */
export function columnsTable(plan) {
  const rows = plan.steps.flatMap((step) =>
    step.columns.map((pair) =>
      h("tr", {}, h("td", {}, step.table), h("td", {}, pair.source), h("td", { class: "mdb-faint" }, pair.source_type), h("td", {}, pair.target), h("td", { class: "mdb-faint" }, pair.target_type), h("td", { class: pair.objection && "mdb-move-warn" }, pair.objection || pair.proof)),
    ),
  );
  const head = ["Table", "Column", "Type", "Into", "Type there", "Nothing is lost, since"].map((name) => h("th", { scope: "col" }, name));
  const table = h("table", { class: "mdb-move-table" }, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows));
  return h("details", { class: "mdb-move-columns" }, h("summary", {}, `${plural(rows.length, "column")} matched`), h("div", { class: "mdb-move-scroll", tabindex: 0, role: "region", "aria-label": "Columns" }, table));
}

/** @type {[string, string][]} what a report counts, and how it is called */
const COUNTS = [
  ["planned", "Planned"], ["inserted", "New there"], ["there", "There already"], ["overwritten", "Overwritten"], ["skipped", "Left as they were"], ["stale", "Changed before"],
  ["changed", "Changed since"], ["gone", "Gone"], ["deleted", "Deleted here"], ["waiting", "Waiting"],
];

/** The counts that any table has. @param {any[]} tables */
export const shownCounts = (tables) => COUNTS.filter(([name]) => name === "planned" || tables.some((table) => table[name]));

/** @param {any} report */
export function reportTable(report) {
  const counts = shownCounts(report.tables);
  const kept = report.tables.some((/** @type {any} */ table) => table.kept.length);
  const head = ["Table", ...counts.map(([, words]) => words), ...(kept ? ["Stayed"] : [])];
  const rows = report.tables.map((/** @type {any} */ table) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, table.table, table.target !== table.table && h("span", { class: "mdb-faint" }, ` → ${table.target}`)),
      ...counts.map(([name]) => h("td", { class: "mdb-num" }, group(table[name]))),
      kept && h("td", {}, ...table.kept.map((/** @type {[string, number]} */ [reason, rows]) => note(`${group(rows)}: ${reason}`))),
    ),
  );
  const cells = head.map((name, at) => h("th", { scope: "col", class: at > 0 && at <= counts.length && "mdb-num" }, name));
  return h("div", { class: "mdb-move-scroll", tabindex: 0, role: "region", "aria-label": "Report" }, h("table", { class: "mdb-move-table" }, h("thead", {}, h("tr", {}, ...cells)), h("tbody", {}, ...rows)));
}

/** "2.4 s", "3 min 5 s". @param {number} seconds */
export function spanText(seconds) {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** How far a run is, in words. @param {any} progress */
export function transferText({ rows, planned, rate, left, bytes }) {
  const parts = [`${group(rows ?? 0)} of ${plural(planned ?? 0, "row")}`];
  if (bytes) parts.push(byteSize(bytes));
  if (rate) parts.push(`${group(rate)} rows/s`);
  if (left !== null && left !== undefined && rows) parts.push(`${spanText(left)} left`);
  return parts.join(" · ");
}

/** From where to where. @param {import("./core.js").AliasMark} source @param {import("./core.js").AliasMark} target */
export const routeChips = (source, target) => h("span", { class: "mdb-move-route" }, aliasChip(source), icon("right"), aliasChip(target));
