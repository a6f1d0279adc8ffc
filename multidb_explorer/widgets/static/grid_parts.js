/** The parts that every grid of ours has, in the order in which they are asked. */

import { Clipboard } from "./grid_clipboard.js";

/** @type {import("./data_grid.js").PartMaker[]} */
export const GRID_PARTS = [(grid) => new Clipboard(grid)];
