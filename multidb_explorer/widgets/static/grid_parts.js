/** The parts that every grid of ours has, in the order in which they are asked. */

import { ExportPart } from "./export.js";
import { Clipboard } from "./grid_clipboard.js";
import { GridEdit } from "./grid_edit.js";
import { filterPart } from "./grid_filter.js";
import { findPart } from "./grid_find.js";
import { layoutPart } from "./grid_layout.js";
import { linksPart } from "./grid_links.js";
import { viewerPart } from "./grid_viewer.js";

/** @type {import("./data_grid.js").PartMaker[]} */
export const GRID_PARTS = [
  (grid) => new GridEdit(grid), filterPart, layoutPart, viewerPart, findPart, linksPart,
  (grid) => new Clipboard(grid), (grid) => new ExportPart(grid),
];
