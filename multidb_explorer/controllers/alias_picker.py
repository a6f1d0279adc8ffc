"""The choice of a database: an alias counts as chosen once its database has answered."""

from __future__ import annotations

from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.alias_adding import AliasAdding
from multidb_explorer.controllers.base import BadRequest, Controller, Job, Message, Reply
from multidb_explorer.controllers.health import health_of
from multidb_explorer.controllers.marks import alias_marks

__all__ = ["AliasPickerController"]


class AliasPickerController(Controller):
    """Offers the aliases and validates a choice.

    Parameters
    ----------
    value
        The alias that is chosen from the start.

    Raises
    ------
    ConnectionDoesNotExist
        For an unknown alias.

    Examples
    --------
    >>> from multidb_explorer.connections.registry import databases
    >>> databases.configure({"default": "sqlite://"})
    >>> AliasPickerController("default").value
    'default'
    """

    def __init__(self, value: str | None = None) -> None:
        super().__init__()
        self.value = value if value is None else databases[value].alias
        self.intents |= {"aliases": self._aliases, "choose": self._choose, "health": self._health}
        self.intents |= AliasAdding(self).intents

    @property
    def state(self) -> Message:
        """The chosen alias and what may be chosen."""
        return {"value": self.value, "choices": alias_marks()}

    def set(self, value: str | None) -> None:
        """Choose from Python: the alias has to exist, its database is not asked.

        Raises
        ------
        ConnectionDoesNotExist
            For an unknown alias.
        """
        self.value = value if value is None else databases[value].alias

    def _aliases(self, _: Message) -> Reply:
        self.changed()
        return Reply({"type": "aliases", "choices": alias_marks()})

    def _health(self, request: Message) -> Job:
        """Ask a database how it is, in the background: one that is not there takes its time to say nothing."""
        alias = request.get("alias")
        if not isinstance(alias, str):
            raise BadRequest("A question names its alias.")
        database = databases[alias]
        return Job(lambda: Reply({"type": "health", "alias": alias, **health_of(database)}))

    def _choose(self, request: Message) -> Reply:
        alias = request.get("alias")
        if not isinstance(alias, str):
            raise BadRequest("A choice names its alias.")
        databases[alias].check()
        self.value = alias
        self.changed()
        return Reply({"type": "chosen", "alias": alias})
