from __future__ import annotations

import copy
import functools
import pickle
import sys
import threading
from types import SimpleNamespace

import pytest

from multidb_explorer.connections import secrets
from multidb_explorer.connections.redaction import redact
from multidb_explorer.connections.secrets import Secret, forget_prompted, is_reference
from multidb_explorer.errors import ImproperlyConfigured, MissingDriver

PLANTED = "pl4nted-s3cret"


def secret(value, key="PASSWORD", folder=None):
    return Secret(value, alias="shop", key=key, folder=folder)


@pytest.fixture
def typed(monkeypatch):
    """Answer prompts from a list and record the questions."""
    answers, asked = [], []

    def getpass(prompt):
        asked.append(prompt)
        return answers.pop(0)

    monkeypatch.setattr(secrets.getpass, "getpass", getpass)
    yield SimpleNamespace(answers=answers, asked=asked)
    forget_prompted("shop")


def test_a_variable_is_read_when_the_secret_is_needed_and_not_before(monkeypatch):
    password = secret("env:SHOP_PASSWORD")
    monkeypatch.setenv("SHOP_PASSWORD", "first")
    assert password.reveal() == "first"

    monkeypatch.setenv("SHOP_PASSWORD", "second")

    assert password.reveal() == "second"


def test_a_missing_variable_is_named_together_with_the_alias(monkeypatch):
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)

    with pytest.raises(ImproperlyConfigured, match=r"'shop': the PASSWORD env:SHOP_PASSWORD is not there.*not set"):
        secret("env:SHOP_PASSWORD").reveal()


def test_an_empty_variable_is_refused(monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "")

    with pytest.raises(ImproperlyConfigured, match="env:SHOP_PASSWORD is empty"):
        secret("env:SHOP_PASSWORD").reveal()


def test_a_file_is_read_without_the_line_break_at_its_end(tmp_path):
    (tmp_path / "password.txt").write_text(" with blanks \r\n", encoding="utf-8")

    assert secret(f"file:{tmp_path}/password.txt").reveal() == " with blanks "


def test_a_relative_file_stays_the_same_file_when_the_working_directory_changes(tmp_path, monkeypatch):
    (tmp_path / "password.txt").write_text("here")
    monkeypatch.chdir(tmp_path)
    by_cwd, by_folder = secret("file:password.txt"), secret("file:password.txt", folder=tmp_path)

    monkeypatch.chdir("/")

    assert by_cwd.reveal() == by_folder.reveal() == "here"


def test_a_tilde_means_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "password.txt").write_text("at home")

    assert secret("file:~/password.txt").reveal() == "at home"


def test_a_missing_file_is_named_together_with_the_alias(tmp_path):
    with pytest.raises(ImproperlyConfigured, match=r"'shop': the PASSWORD file:.*/nope is not there.*can't be read"):
        secret(f"file:{tmp_path}/nope").reveal()


def test_a_file_that_is_no_text_is_refused_without_its_content(tmp_path):
    (tmp_path / "password").write_bytes(b"\xff\xfe" + PLANTED.encode())

    with pytest.raises(ImproperlyConfigured) as caught:
        secret(f"file:{tmp_path}/password").reveal()

    assert PLANTED not in str(caught.value)


def test_the_keyring_is_asked_for_service_and_user(monkeypatch):
    entries = {("shop/db", "ann"): PLANTED}
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=lambda *entry: entries.get(entry)))

    assert secret("keyring:shop/db/ann").reveal() == PLANTED
    with pytest.raises(ImproperlyConfigured, match=r"no such entry\. Add it with: keyring set shop bob"):
        secret("keyring:shop/bob").reveal()


def test_a_keyring_that_fails_says_so_in_one_typed_error(monkeypatch):
    def locked(service, user):
        raise RuntimeError("the keyring is locked")

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=locked))

    with pytest.raises(ImproperlyConfigured, match=r"refused.*the keyring is locked"):
        secret("keyring:shop/ann").reveal()


def test_without_the_package_keyring_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(MissingDriver, match=r"multidb-explorer\[secrets\]"):
        secret("keyring:shop/ann").reveal()


def test_a_function_is_called_for_every_connection_so_that_tokens_may_expire():
    tokens = iter(["monday-token", "tuesday-token"])
    password = secret(lambda: next(tokens))

    assert [password.reveal(), password.reveal()] == ["monday-token", "tuesday-token"]


def test_a_function_that_fails_is_reported_without_what_is_secret():
    def from_vault():
        raise LookupError(f"vault refused password={PLANTED}")

    with pytest.raises(ImproperlyConfigured, match=r"from_vault\(\) can't be had: LookupError") as caught:
        secret(from_vault).reveal()

    assert PLANTED not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("given", [None, 5, b"bytes"])
def test_a_function_must_give_text(given):
    with pytest.raises(ImproperlyConfigured, match=f"gave {type(given).__name__} where text is needed"):
        secret(lambda: given).reveal()


def test_a_prompt_is_asked_once_per_alias(typed):
    typed.answers += [PLANTED]

    assert secret("prompt").reveal() == secret("prompt").reveal() == PLANTED
    assert typed.asked == ["PASSWORD of alias 'shop': "]


def test_threads_that_need_it_at_once_ask_once(typed):
    typed.answers += [PLANTED]
    found = []
    threads = [threading.Thread(target=lambda: found.append(secret("prompt").reveal())) for _ in range(5)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [PLANTED] * 5


def test_a_forgotten_prompt_is_asked_again(typed):
    typed.answers += ["wrong one", "right one"]
    secret("prompt").reveal()

    forget_prompted("shop")

    assert secret("prompt").reveal() == "right one"


def test_an_empty_answer_is_not_kept(typed):
    typed.answers += ["", PLANTED]

    with pytest.raises(ImproperlyConfigured, match="was not typed in"):
        secret("prompt").reveal()

    assert secret("prompt").reveal() == PLANTED


def test_where_nothing_can_be_typed_the_error_names_the_other_ways(monkeypatch):
    def getpass(prompt):
        raise EOFError

    monkeypatch.setattr(secrets.getpass, "getpass", getpass)

    with pytest.raises(ImproperlyConfigured, match=r"can't be asked for here.*env:, file: or keyring:"):
        secret("prompt").reveal()


@pytest.mark.parametrize("text", ["env:p@ss w0rd", "env:5%x", "keyring:n0slash", "keyring:s3rvice/", "file:a\nb"])
def test_what_only_begins_like_a_reference_is_refused_without_being_shown(text):
    with pytest.raises(ImproperlyConfigured, match="begins like a reference") as caught:
        secret(text)

    assert text.partition(":")[2] not in str(caught.value)


def test_a_secret_that_looks_like_a_reference_is_given_as_a_function():
    assert secret(lambda: "env:HOME").reveal() == "env:HOME"


@pytest.mark.parametrize(
    ("text", "reference"),
    [("env:A", True), ("file:/a", True), ("keyring:a/b", True), ("prompt", False), ("hunter2", False)],
)
def test_references_are_told_from_values(text, reference):
    assert is_reference(text) is reference
    assert not is_reference(5)


def every_kind():
    return [
        secret(PLANTED),
        secret(lambda: PLANTED),
        secret(functools.partial(str, PLANTED)),
        secret("env:SHOP_PASSWORD"),
        secret("prompt"),
    ]


@pytest.mark.parametrize("password", every_kind(), ids=str)
def test_no_secret_shows_its_value(password, monkeypatch, typed):
    typed.answers += [PLANTED]
    monkeypatch.setenv("SHOP_PASSWORD", PLANTED)
    password.reveal()
    shown = [
        repr(password),
        str(password),
        f"{password}",
        f"{password:>40}",
        f"{password!s:.80}",
        "%s %r" % (password, password),  # noqa: UP031 - one more way of showing it
        repr([password]),
        repr({"p": password}),
        repr([getattr(password, name) for name in dir(password) if name not in {"reveal", "__getstate__"}]),
    ]

    assert not [text for text in shown if PLANTED in text]


def test_a_plain_secret_can_be_copied_but_not_pickled():
    password = secret(PLANTED)

    assert copy.copy(password) is password
    assert copy.deepcopy({"p": [password]})["p"][0] is password
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="PASSWORD of alias 'shop' can't be pickled"):
            pickle.dumps(password, protocol)
    with pytest.raises(TypeError, match="no state"):
        password.__getstate__()
    with pytest.raises(TypeError):
        vars(password)


def test_a_reference_is_pickled_as_a_reference(monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", PLANTED)
    password = secret("env:SHOP_PASSWORD")
    password.reveal()

    stored = pickle.dumps(password)

    assert PLANTED.encode() not in stored
    restored = pickle.loads(stored)  # noqa: S301 - written two lines above
    assert restored == password
    assert restored.reveal() == PLANTED


def test_every_secret_that_was_looked_up_is_redacted_from_then_on(monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "looked-up-8271")
    password = secret("env:SHOP_PASSWORD")
    assert redact("driver says looked-up-8271") == "driver says looked-up-8271"

    password.reveal()

    assert redact("driver says looked-up-8271") == "driver says ***"


def test_a_plain_secret_is_redacted_at_once():
    secret("pl4in-5512")

    assert redact("driver says pl4in-5512") == "driver says ***"


def test_equal_secrets_are_those_of_one_reference_text_or_function():
    def token():
        return PLANTED

    assert secret("env:A") == secret("env:A") != secret("env:B")
    assert secret(PLANTED) == secret(PLANTED) != secret("other one")
    assert secret(token) == secret(token) != secret(PLANTED)
    assert secret("env:A") != secret("prompt")
    assert secret("env:A") != "env:A"
    assert hash(secret("env:A")) == hash(secret("env:A"))


def test_a_lambda_of_a_cell_that_is_run_again_is_the_same_secret():
    cell = compile("lambda: vault['shop']", "cell", "eval")
    again = compile("lambda: vault['shop']", "cell again", "eval")
    names = {"vault": {"shop": PLANTED}}

    assert secret(eval(cell, names)) == secret(eval(again, names))  # noqa: S307 - as a notebook does


def test_lambdas_that_read_different_things_are_different_secrets():
    made = [lambda value=value: value for value in ("one", "two")]

    def closing_over(value):
        return lambda: value

    assert secret(made[0]) != secret(made[1])
    assert secret(closing_over("one")) != secret(closing_over("two"))
    assert secret(closing_over("one")) == secret(closing_over("one"))
