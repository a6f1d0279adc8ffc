"""AliasPicker: a dropdown of the registered databases."""

from __future__ import annotations

from typing import Any

import traitlets

from multidb_explorer.controllers.alias_picker import AliasPickerController
from multidb_explorer.widgets.base import Panel, Still

__all__ = ["AliasPicker"]


class AliasPicker(Panel):
    """A dropdown that chooses a database by its alias.

    Choosing an alias on screen connects first: one that can't be reached shows why, and the old choice stays. Choosing
    from Python only asks that the alias exists.

    Parameters
    ----------
    value
        The alias that is chosen from the start.
    label
        The words in front of the dropdown.

    Attributes
    ----------
    value : str or None
        The chosen alias; ``observe(handler, names="value")`` hears of a new choice.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias, here and when it is assigned to `value`.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://"})
    >>> mdb.AliasPicker("default").value
    'default'
    """

    stem = "alias_picker"

    value = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    label = traitlets.Unicode("Database").tag(sync=True)
    choices = traitlets.List(traitlets.Dict()).tag(sync=True)

    controller: AliasPickerController

    def __init__(self, value: str | None = None, *, label: str = "Database") -> None:
        super().__init__(AliasPickerController(value), label=label)

    @traitlets.validate("value")
    def _known(self, proposal: Any) -> Any:
        if proposal["value"] != self.controller.value:
            self.controller.set(proposal["value"])
        return proposal["value"]

    def _still(self) -> Still:
        color = next((mark["color"] for mark in self.choices if mark["alias"] == self.value), None)
        return Still(f"{self.label}: {self.value or 'none chosen'}", color=color)

    def __repr__(self) -> str:
        return f"AliasPicker(value={self.value!r})"
