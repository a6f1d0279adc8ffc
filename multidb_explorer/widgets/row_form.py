"""RowForm: all fields of one row, to look at, edit, save to any database and delete."""

from __future__ import annotations

from typing import Any

import traitlets

from multidb_explorer.controllers.row_form import RowFormController
from multidb_explorer.models import Model
from multidb_explorer.options import options
from multidb_explorer.query.preview import cell_text
from multidb_explorer.query.queryset import QuerySet
from multidb_explorer.widgets.base import Panel, Still, css_height

__all__ = ["RowForm"]


class RowForm(Panel):
    """A form for one row, with an editor for each field and what is wrong with a value beside it.

    What is typed is kept in the kernel until it is saved; the instance changes by a save that succeeded and by nothing
    else. *Save to* and *Delete from* follow the rules of `Model.save` and `Model.delete`: a different row in the way,
    or rows that depend on this one, are shown as a choice. The row of a read-only alias can't be edited or deleted.

    Parameters
    ----------
    source
        An instance; a model, for a new row; or a QuerySet, to go from row to row.
    using
        The alias that *Save* means; by default the row's own.
    height
        Pixels, or a CSS length; as much as the fields need if not given.

    Attributes
    ----------
    instance : Model
        The row.
    edited : tuple of str
        The fields that were edited and are not saved.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias.
    DoesNotExist
        For a QuerySet without rows.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> from multidb_explorer import demo
    >>> _ = demo.start("demo")
    >>> mdb.RowForm(mdb.reflect("categories").objects.get(pk=2))
    RowForm(a row of categories on 'default')
    """

    stem = "row_form"

    title = traitlets.Unicode("").tag(sync=True)
    alias = traitlets.Dict().tag(sync=True)
    fields = traitlets.List(traitlets.Dict()).tag(sync=True)
    choices = traitlets.List(traitlets.Dict()).tag(sync=True)
    refusal = traitlets.Unicode("").tag(sync=True)
    browses = traitlets.Bool(False).tag(sync=True)
    epoch = traitlets.Int(1).tag(sync=True)
    height = traitlets.Unicode("").tag(sync=True)

    controller: RowFormController

    def __init__(
        self,
        source: Model | type[Model] | QuerySet[Any],
        using: str | None = None,
        *,
        height: int | str | None = None,
    ) -> None:
        super().__init__(RowFormController(source, using), height="" if height is None else css_height(height))

    @property
    def instance(self) -> Model:
        """The row."""
        return self.controller.instance

    @property
    def edited(self) -> tuple[str, ...]:
        """The fields that were edited and are not saved."""
        return self.controller.edited

    def refresh(self) -> None:
        """Read the row again from its database; what was typed stays."""
        self.controller.reread()

    def _still(self) -> Still:
        names = [field["name"] for field in self.fields]
        values = self.instance._values if options.saved_rows > 0 else {}
        rows = [[cell_text(values.get(name)) for name in names]] if values else []
        return Still(f"A row of {self.title} on {self.controller.alias}", names, rows, self.alias["color"])

    def __repr__(self) -> str:
        # Without the key: this text is saved in the notebook.
        which = "a new row" if self.instance._state.adding else "a row"
        return f"RowForm({which} of {self.title} on {self.controller.alias!r})"
