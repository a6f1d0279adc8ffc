/** Copying and moving from the explorer: the same view in a dialog over it, for the rows that are selected or all on screen. */

import { countRows, errorText, group, h, plural } from "./core.js";
import { Sheet } from "./sheet.js";
import { TabChannel } from "./sql_tab.js";
import { TransferView } from "./transfer_view.js";

/**
 * @param {import("./explorer.js").Explorer} explorer
 * @param {import("./data_grid.js").Grid} grid
 */
export async function openTransfer(explorer, grid) {
  const selected = countRows(grid.selected);
  try {
    await explorer.channel.request("transfer_open", { kind: "copy", selected: selected > 0, epoch: grid.store.epoch, rows: grid.selected });
  } catch (error) {
    grid.say(errorText(error), "bad");
    return;
  }
  const channel = /** @type {import("./core.js").Channel} */ (/** @type {unknown} */ (new TabChannel(explorer.channel, "transfer")));
  let moved = false;
  const view = new TransferView(channel, { ondone: (kind) => (moved = moved || kind === "move") });
  const what = selected ? plural(selected, "selected row") : grid.length ? `all ${group(grid.length)} rows on screen` : "all rows on screen";
  const sheet = new Sheet(explorer.root, {
    title: `Copy or move ${what} of ${explorer.name.textContent}`,
    icon: "send",
    onclose: () => {
      view.dispose();
      if (moved) explorer.readAgain();
    },
  });
  sheet.element.classList.add("mdb-sheet-move");
  sheet.body.append(view.element);
  const close = h("button", { class: "mdb-button", type: "button", onclick: () => sheet.close() }, "Close");
  sheet.buttons.append(close);
  sheet.open(close);
  view.start();
}
