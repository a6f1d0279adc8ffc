"""A small invented shop in five databases, for the notebooks, the tests and a rainy afternoon.

Its users live in a legacy database and are moving to a new one:

- ``default``: products, categories, orders and their items, a price list as a view (SQLite);
- ``legacy_users``: users with their addresses and notes, a login log without a key (SQLite);
- ``new_users``: the same tables with the users who moved already; it asks before writes (SQLite);
- ``warehouse``: sales facts (DuckDB);
- ``archive``: closed accounts and old orders, read-only (SQLite).

Everything is generated from fixed seeds, so every machine gets the same rows.
"""

from __future__ import annotations

from multidb_explorer.demo.files import build, start

__all__ = ["build", "start"]
