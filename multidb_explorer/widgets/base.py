"""Panel: an anywidget that hands messages to its controller and shows the controller's state as traits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import anywidget
from traitlets import observe

from multidb_explorer.connections.registry import databases
from multidb_explorer.controllers.base import Controller, Reply
from multidb_explorer.display import html_table
from multidb_explorer.widgets import assets

__all__ = ["Panel", "Still", "css_height"]


class Panel(anywidget.AnyWidget):
    """Base of the widgets.

    A widget, its controller and its browser module share one stem. Its traits hold small state only; rows travel as
    messages, since whatever stands in a trait may be saved into the notebook.
    """

    stem: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Only for a class of ours: anywidget derives one more from it, in which these are traits.
        if "stem" in vars(cls):
            cls._esm = assets.script(cls.stem)
            cls._css = assets.style(cls.stem)
        super().__init_subclass__(**kwargs)

    def __init__(self, controller: Controller, **traits: Any) -> None:
        self.controller = controller
        super().__init__(**self._traits_of(controller.state), **traits)
        controller.attach(self._answer, self._refresh)
        self.on_msg(self._received)
        # The registry holds this weakly, so a closed widget is not kept alive by it.
        databases.on_change(self._refresh)

    @observe("comm")
    def _leave_the_shell_to_the_browser(self, change: Mapping[str, Any]) -> None:
        # ipykernel 7.4 sends a panel's messages to the shell that it last answered in: after one answer in the main
        # shell all later ones would wait for the cell that runs, whatever subshell the browser named.
        if hasattr(change["new"], "_reply_subshell_for"):
            change["new"]._reply_subshell_for = lambda _, chosen: chosen  # noqa: SLF001 -- it has no public name

    def _traits_of(self, state: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in state.items() if self.has_trait(name)}

    def _refresh(self) -> None:
        with self.hold_sync():
            for name, value in self._traits_of(self.controller.state).items():
                setattr(self, name, value)

    def _received(self, _: Any, content: Any, __: Any) -> None:
        self.controller.receive(content)

    def _answer(self, reply: Reply) -> None:
        self.send(reply.message, buffers=list(reply.buffers) or None)

    def close(self) -> None:
        """Take the panel off the page, and stop what it still runs in databases."""
        # Python closes a widget when it is collected, one that was never finished too.
        if "controller" in vars(self):
            self.controller.close()
        super().close()

    def _still(self) -> Still:
        """Say what stands in the notebook where no widget can be shown; never a value of a row, unless asked for."""
        return Still(repr(self))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        # The base class's bundle, with a table for those who read the notebook without a kernel.
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        data, *rest = bundle if isinstance(bundle, tuple) else (bundle,)
        found = {**(data or {}), "text/html": self._still().html}
        return (found, *rest) if isinstance(bundle, tuple) else found

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


@dataclass(frozen=True)
class Still:
    """A panel as a picture: its title, its columns, and rows only where somebody asked to keep some.

    Examples
    --------
    >>> "run the cell" in Still("users on legacy").html
    True
    """

    title: str
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str | None]] = ()
    color: str | None = None

    @property
    def html(self) -> str:
        """The same as HTML, everything in it escaped."""
        caption = f"{self.title} · a live panel: run the cell to use it"
        return html_table(self.header, self.rows, caption=caption, color=self.color)


def css_height(height: int | str) -> str:
    """Give a height as CSS: a number is in pixels.

    Raises
    ------
    TypeError, ValueError
        For what is no height.

    Examples
    --------
    >>> css_height(420), css_height("60vh")
    ('420px', '60vh')
    """
    if isinstance(height, bool) or not isinstance(height, int | str):
        raise TypeError(f"height is a number of pixels or a CSS length, not {type(height).__name__}.")
    if isinstance(height, int) and height <= 0:
        raise ValueError(f"height must be positive, not {height}.")
    return f"{height}px" if isinstance(height, int) else height
