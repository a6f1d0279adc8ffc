/** Foreign keys as links, where the panel around the grid can follow one. */

/**
 * A foreign key that is followed.
 * @typedef {object} Followed
 * @property {{table: string, schema: string | null, column: string}} references
 * @property {string} column
 * @property {any} value as the rows carry it
 * @property {number} row
 */

/** @type {import("./data_grid.js").PartMaker} */
export const linksPart = (grid) => {
  /** @param {number} row @param {number} column @returns {Followed | null} */
  const linkAt = (row, column) => {
    const references = grid.events.onfollow ? grid.columns[column]?.references : undefined;
    const cell = references && row >= 0 ? grid.store.cell(row, column) : undefined;
    if (!references || !cell || cell.value === null) return null;
    return { references, column: grid.columns[column].name, value: cell.value, row };
  };
  /** @param {Followed | null} link */
  const follow = (link) => {
    if (link) grid.events.onfollow?.(link);
    return link !== null;
  };
  grid.body.addEventListener("click", (event) => {
    const { row, column, inHead } = grid.input.cellAt(event);
    if ((event.ctrlKey || event.metaKey) && !inHead) follow(linkAt(row, column));
  });
  return {
    cellLook: (row, column) => (grid.columns[column].references && linkAt(row, column) ? { look: " mdb-linked" } : null),
    key: (event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && follow(linkAt(grid.active.row, grid.active.column)),
    menu: ({ kind, row, column }) => {
      const link = kind === "cell" ? linkAt(row, column) : null;
      return link ? [{ label: `Go to ${link.references.table} ${link.value}`, keys: "Ctrl+Enter", icon: "link", group: "view", run: () => void follow(link) }] : [];
    },
  };
};
