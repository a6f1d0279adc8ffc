"""What can be wrong in ``Meta.relations`` is said when the class is made, not when a query fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multidb_explorer.errors import FieldError, ImproperlyConfigured
from multidb_explorer.models.relation_options import KeyOptions

if TYPE_CHECKING:
    from multidb_explorer.models.sources import ModelSource

__all__ = ["check_relations"]


def check_relations(source: ModelSource) -> None:
    """Look at a model's own settings.

    Raises
    ------
    FieldError
        For a column that the model does not have.
    ImproperlyConfigured
        For a column that refers to nothing, or a name that is taken.
    """
    from multidb_explorer.models.model import Model

    where = f"relations of {source.name}"
    known = {key.columns for key in source.keys}
    for option in source.options.relations:
        if isinstance(option, KeyOptions):
            columns = option.columns if set(option.columns) <= set(source.names) else source.fields(option.columns)
            if columns is None:
                unknown = next(name for name in option.columns if source.fields([name]) is None)
                raise FieldError.unknown("field", unknown, where, source.names)
            if columns not in known:
                listed = ", ".join(f"({', '.join(key)})" for key in known) or "none"
                raise ImproperlyConfigured(
                    f"{where}: ({', '.join(columns)}) is no foreign key. The model's foreign keys: {listed}. "
                    f"Say where it refers to with {{'to': 'table.column'}}."
                )
        if option.name in source.names or (option.name is not None and hasattr(Model, option.name)):
            what = "a field" if option.name in source.names else "something else on every model"
            raise ImproperlyConfigured(f"{where}: {option.name!r} is {what}; choose another name.")
