"""``python -m multidb_explorer`` is the command line of `multidb_explorer.cli`."""

from __future__ import annotations

import sys

from multidb_explorer.cli import main

if __name__ == "__main__":
    sys.exit(main())
