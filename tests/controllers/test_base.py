"""Every message is answered, whatever it is."""

from __future__ import annotations

import logging

import pytest
from controllers.wire import Wire

from multidb_explorer.controllers.base import BadRequest, Controller, Job, Reply, whole
from multidb_explorer.errors import FieldError


@pytest.fixture
def wire():
    controller = Controller()

    def fail(error):
        def handler(_):
            raise error

        return handler

    controller.intents |= {
        "hello": lambda request: Reply({"type": "hello", "name": request["name"]}, (b"x",)),
        "known": fail(FieldError("Users has no field 'nme'.")),
        "bug": fail(RuntimeError("postgresql://ann:hunter2@db/x")),
        "stoppable": lambda _: Job(lambda: Reply({"type": "late"}), lambda: None),
        "late": lambda _: Job(lambda: Reply({"type": "late"})),
        "late bug": lambda _: Job(fail(RuntimeError("hunter2")).__get__(None)),
    }
    return Wire(controller)


def test_an_answer_carries_the_id_and_the_buffers(wire):
    assert wire.whole("hello", name="Ann") == ({"id": "q1", "type": "hello", "name": "Ann"}, (b"x",))


def test_an_error_of_ours_is_told_in_its_words(wire):
    assert wire.ask("known")["message"] == "Users has no field 'nme'."


def test_an_unknown_error_is_told_without_its_words(wire, caplog):
    with caplog.at_level(logging.INFO):
        message = wire.ask("bug")
    assert message["type"] == "err"
    assert message["message"] == "Something unexpected went wrong here (RuntimeError)."
    assert "hunter2" not in caplog.text


def test_a_message_that_nobody_knows_is_answered(wire):
    assert wire.ask("dance")["message"] == "This panel can't do 'dance'."


@pytest.mark.parametrize("kind", [None, 5, ["win"], "receive", "__init__"])
def test_odd_types_of_messages_are_answered(wire, kind):
    assert wire.ask(kind)["type"] == "err"


def test_what_is_no_message_at_all_is_answered(wire):
    wire.controller.receive("hello")
    assert wire.answers.get(timeout=5).message["type"] == "err"


@pytest.mark.parametrize("odd", [["q1"], {"q": 1}, 1.5])
def test_odd_ids_of_requests_are_answered(wire, odd):
    wire.controller.receive({"type": "stoppable", "id": odd})
    message = wire.answers.get(timeout=5).message
    assert (message["id"], message["message"]) == (odd, "The id of a request is a text or a whole number.")


@pytest.mark.parametrize("odd", [["q1"], {}, None])
def test_nothing_is_stopped_that_was_not_named(wire, odd):
    assert wire.ask("cancel", target=odd)["message"] == "Name the request that shall be stopped by its id."
    assert wire.ask("cancel", target="q77")["stopped"] is False


def test_a_job_answers_later_from_its_own_thread(wire):
    assert wire.ask("late")["type"] == "late"


def test_a_job_that_fails_is_answered_too(wire):
    assert wire.ask("late bug")["type"] == "err"


@pytest.mark.parametrize("value", [None, -1, "5", 1.5, True])
def test_numbers_in_messages_are_whole_and_not_negative(value):
    with pytest.raises(BadRequest):
        whole({"start": value}, "start")
