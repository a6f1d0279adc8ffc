"""A transfer that runs beside whoever shows it: started, watched, cancelled, and asked for its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event, Thread

from multidb_explorer.transfer.plan import TransferPlan
from multidb_explorer.transfer.progress import TransferProgress
from multidb_explorer.transfer.report import TransferReport
from multidb_explorer.transfer.running import resumed, run

__all__ = ["Transfer"]


class Transfer:
    """One run of a plan, or of an unfinished transfer, that can be cancelled from another thread.

    Parameters
    ----------
    what
        The plan, or the id of an unfinished transfer.
    confirm
        The aliases that are written, where they ask before writes: nobody can be asked in a thread.
    on_progress
        Called by the running thread.

    Attributes
    ----------
    progress : TransferProgress or None
        How far it is.
    report : TransferReport or None
        What it did, once it is over.
    error : BaseException or None
        Why it stopped, unless that was by `cancel`.

    Examples
    --------
    >>> import multidb_explorer as mdb
    >>> mdb.configure({"default": "sqlite://", "new": "sqlite://"})
    >>> for alias in ("default", "new"):
    ...     with mdb.aliases[alias].database.begin() as connection:
    ...         _ = connection.exec_driver_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
    >>> transfer = Transfer(mdb.copy("users", to="new", dry_run=True))
    >>> transfer.start()
    >>> transfer.wait().state
    'DONE'
    """

    def __init__(
        self,
        what: TransferPlan | str,
        *,
        confirm: str | Sequence[str] | None = None,
        on_progress: Callable[[TransferProgress], object] | None = None,
    ) -> None:
        self.progress: TransferProgress | None = None
        self.report: TransferReport | None = None
        self.error: BaseException | None = None
        self._what = what
        self._confirm = confirm
        self._on_progress = on_progress
        self._stop = Event()
        self._thread: Thread | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and is not over."""
        return self._thread is not None and self._thread.is_alive()

    def run(self) -> TransferReport:
        """Run it in this thread.

        Raises
        ------
        MultiDBError
            As `TransferPlan.run`.
        """
        if isinstance(self._what, str):
            found = resumed(self._what, confirm=self._confirm, on_progress=self._note, stop=self._stop)
        else:
            found = run(self._what, confirm=self._confirm, on_progress=self._note, stop=self._stop)
        self.report = found
        return found

    def start(self) -> None:
        """Run it in a thread of its own."""
        self._thread = Thread(target=self._run, name="multidb-transfer", daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Ask it to stop; the rows of the present unit are rolled back, and `resume` goes on later."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> TransferReport:
        """Wait until it is over and give its report.

        Raises
        ------
        MultiDBError
            What ended it.
        TimeoutError
            When it is not over in time.
        """
        if self._thread is not None:
            self._thread.join(timeout)
        if self.error is not None:
            raise self.error
        if self.report is None:
            raise TimeoutError("The transfer is not over yet.")
        return self.report

    def _run(self) -> None:
        try:
            self.run()
        except BaseException as error:  # noqa: BLE001 -- it is kept for whoever waits
            self.error = error
            self.report = getattr(error, "report", None)

    def _note(self, progress: TransferProgress) -> None:
        self.progress = progress
        if self._on_progress is not None:
            self._on_progress(progress)
