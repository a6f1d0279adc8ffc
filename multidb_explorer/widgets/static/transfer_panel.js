/** The panel `TransferPanel`: a title over the view that copies and moves. */

import { Channel, aliasChip, guardShortcuts, h, tint } from "./core.js";
import { TransferView } from "./transfer_view.js";

/**
 * @param {{model: import("./core.js").Model, el: HTMLElement}} context
 */
function renderTransferPanel({ model, el }) {
  const channel = new Channel(model);
  const view = new TransferView(channel);
  const head = h("div", { class: "mdb-title" }, aliasChip(model.get("source")), h("span", { class: "mdb-name" }, model.get("title")));
  const root = h("div", { class: "mdb mdb-panel mdb-transfer", role: "region", "aria-label": "Copy or move rows" }, head, view.element);
  tint(root, model.get("source"));
  guardShortcuts(root);
  el.append(root);
  view.start();
  return () => {
    view.dispose();
    channel.dispose();
  };
}

export default { render: renderTransferPanel };
