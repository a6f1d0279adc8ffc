/** The parts that every grid of ours has, in the order in which they are asked. */

import { Clipboard } from "./grid_clipboard.js";
import { filterPart } from "./grid_filter.js";
import { layoutPart } from "./grid_layout.js";

/** @type {import("./data_grid.js").PartMaker[]} */
export const GRID_PARTS = [filterPart, layoutPart, (grid) => new Clipboard(grid)];
