"""What the controller tests share: a browser side that only keeps what it is told, and looks into databases."""

from __future__ import annotations

import itertools
import json
import queue
import threading

import sqlalchemy as sa

from multidb_explorer.connections.registry import databases


class Wire:
    """Sends messages to a controller from a thread that is not the one of the cells, as a front end does."""

    def __init__(self, controller):
        self.controller = controller
        self.answers = queue.Queue()
        self.changes = 0
        self.numbers = itertools.count(1)
        controller.attach(self.answers.put, self.note)

    def note(self):
        self.changes += 1

    def ask(self, kind, **body):
        """Send a request, wait for its answer, and give the message."""
        return self.whole(kind, **body)[0]

    def whole(self, kind, **body):
        """Give message and buffers."""
        name = f"q{next(self.numbers)}"
        thread = threading.Thread(target=self.controller.receive, args=({"type": kind, "id": name, **body},))
        thread.start()
        thread.join()
        answer = self.answers.get(timeout=30)
        assert answer.message["id"] == name
        # What can't become JSON never reaches a browser.
        json.dumps(answer.message)
        return answer.message, answer.buffers

    def rows(self, start=0, count=200, epoch=1):
        """Give the rows of a page as tuples of encoded values."""
        message, (buffer,) = self.whole("win", epoch=epoch, start=start, count=count)
        assert message["type"] == "win", message
        return list(zip(*(column["values"] for column in json.loads(buffer)["columns"]), strict=True))


def run(alias, *statements):
    """Run SQL in one transaction."""
    with databases[alias].begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def names(alias):
    """Give the names of an alias's users by id."""
    with databases[alias].connect() as connection:
        return dict(connection.execute(sa.text("SELECT id, name FROM users ORDER BY id")).all())
