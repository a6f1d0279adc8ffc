/** The panel `TableGrid`: a title over one grid. */

import { Channel, aliasChip, errorText, guardShortcuts, h, tint } from "./core.js";
import { Grid } from "./data_grid.js";
import { GRID_PARTS } from "./grid_parts.js";

/**
 * @param {{model: import("./core.js").Model, el: HTMLElement}} context
 */
function renderTableGrid({ model, el }) {
  const channel = new Channel(model);
  const size = h("span", { class: "mdb-count" });
  const grid = new Grid(channel, {
    onsize: (text) => (size.textContent = text),
    onselect: (rows) => channel.request("select", { epoch: grid.store.epoch, rows }).catch((error) => grid.say(errorText(error), "bad")),
  }, GRID_PARTS);
  const head = h("div", { class: "mdb-title" }, aliasChip(model.get("alias")), h("span", { class: "mdb-name" }, model.get("title")), size);
  const root = h("div", { class: "mdb mdb-panel mdb-table" }, head, grid.element);
  root.style.height = model.get("height");
  tint(root, model.get("alias"));
  guardShortcuts(root);
  const state = () => ({
    columns: model.get("columns"), epoch: model.get("epoch"), row_count: model.get("row_count"),
    row_estimate: model.get("row_estimate"), title: model.get("title"), alias: model.get("alias"), sort: model.get("sort"), first_rows: model.get("first_rows"), default_sort: model.get("default_sort"), selection: model.get("selection"), parts: model.get("parts"),
  });
  const renewed = () => {
    if (model.get("epoch") > grid.store.epoch) grid.renew(state());
  };
  model.on("change:epoch", renewed);
  el.append(root);
  grid.open(state());
  return () => {
    model.off("change:epoch", renewed);
    grid.dispose();
    channel.dispose();
  };
}

export default { render: renderTableGrid };
