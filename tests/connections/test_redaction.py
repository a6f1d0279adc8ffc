from __future__ import annotations

from urllib.parse import quote, quote_plus

import pytest
from sqlalchemy import URL, make_url

from multidb_explorer.connections.redaction import embedded_secrets, is_secret_name, redact, remember, safe_url

# Never remembered by itself: what masks it here is the form it stands in.
WORD = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ann:{WORD}@db/shop",
        f"mysql+pymysql://:{WORD}@db/shop",
        f"can't reach postgresql://ann:{WORD}@db:5432/shop?sslmode=require, try later",
        f"url='postgresql://ann:{WORD}@db/shop'",
        f"postgresql://ann:{WORD}@x@db/shop",
        f"postgresql://ann:a/{WORD}@db/shop",
        f"postgresql://db/shop?user=ann&password={WORD}&sslmode=require",
        f"duckdb:///md:shop?motherduck_token={WORD}",
        f"snowflake://ann@acct/db?private_key_passphrase={WORD}",
        f"x://h/d?PASSWORD={WORD}",
        f"x://h/d?access_token={WORD};next=1",
        f"x://h/d?api_key={WORD}",
        f"x://h/d?apikey={WORD}",
        f"x://h/d?client_secret={WORD}",
        f"AccountName=shop;AccountKey={WORD};EndpointSuffix=x",
        f"host=db user=ann password={WORD} dbname=shop",
        f"host=db password='{WORD} with \\' more' dbname=shop",
        f"host=db password = {WORD} dbname=shop",
        f"sslpassword={WORD}",
        f"DRIVER={{ODBC 18}};SERVER=db;UID=ann;PWD={WORD};Encrypt=yes",
        f"DRIVER={{ODBC 18}};SERVER=db;UID=ann;PWD={{{WORD};with}}}}brace}};Encrypt=yes",
        f"DRIVER={{ODBC 18}};SERVER=db;UID=ann;PWD=two words {WORD};Encrypt=yes",
        f"mssql+pyodbc:///?odbc_connect={quote_plus(f'DRIVER={{ODBC 18}};UID=ann;PWD={WORD};Encrypt=yes')}",
        f"mssql+pyodbc:///?odbc_connect={quote(f'DRIVER={{ODBC 18}};UID=ann;PWD={{{WORD};x}};Encrypt=yes', safe='')}",
        f"mssql+pyodbc:///?odbc_connect={quote(quote(f'UID=ann;PWD={WORD};Encrypt=yes', safe=''), safe='')}",
        f"connect(host='db', password='{WORD}', port=1)",
        f"{{'user': 'ann', 'password': '{WORD}'}}",
        f'{{"user": "ann", "token": "{WORD}"}}',
        f"PASSWORD: '{WORD}'",
    ],
)
def test_a_secret_is_masked_in_every_form_it_is_written_in(text):
    assert WORD not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        'FATAL: password authentication failed for user "ann"',
        "no such column: users.password_hash",
        "https://db.example:8080/path, or write to ann@db.example",
        "postgresql://ann@db.example/shop?sslmode=require",
        "SELECT * FROM users WHERE token = :token",
        "sqlite:////home/ann/shop.db",
        "a.secret = b.secret",
        "",
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text):
    assert redact(text) == text


def test_what_is_no_secret_stays_readable():
    text = "can't reach postgresql://ann:x1y2z3@db:5432/shop?password=abc&sslmode=require: timeout"

    assert redact(text) == "can't reach postgresql://ann:***@db:5432/shop?password=***&sslmode=require: timeout"


def test_redacting_twice_changes_nothing_more():
    once = redact(f"postgresql://ann:{WORD}@db/shop?token={WORD} PWD={WORD};")

    assert redact(once) == once


AWKWARD = "pä ss/w@rd:%'\"\\{x};&=+é\n"


@pytest.mark.parametrize(
    "written",
    [
        AWKWARD,
        quote(AWKWARD),
        quote(AWKWARD, safe=""),
        quote(AWKWARD, safe="").lower(),
        quote_plus(AWKWARD),
        quote(quote(AWKWARD, safe=""), safe=""),
        URL.create("x", "", AWKWARD, "h").render_as_string(hide_password=False)[len("x://:") : -len("@h")],
        repr(AWKWARD),
        ascii(AWKWARD),
        repr(AWKWARD.encode()),
    ],
)
def test_a_known_secret_is_masked_in_any_spelling(written):
    remember(AWKWARD)

    masked = redact(f"the driver said {written} and went away")

    assert masked.replace("'", "").replace('"', "").replace("b***", "***") == "the driver said *** and went away"


def test_a_known_secret_is_masked_where_no_form_gives_it_away():
    remember("correct horse battery")

    assert redact("login of ann with correct horse battery failed") == "login of ann with *** failed"


def test_of_two_secrets_of_which_one_begins_the_other_nothing_is_left():
    remember("qwertz-1")
    remember("qwertz-1-and-more")

    assert redact("<qwertz-1-and-more> <qwertz-1>") == "<***> <***>"


def test_a_secret_that_is_an_everyday_word_does_not_garble_other_words():
    remember("mustard")

    assert redact("mustard, mustards, xmustard") == "***, mustards, xmustard"
    assert redact("%3Dmustard%3B -pmustard \\nmustard") == "%3D***%3B -p*** \\n***"


def test_a_very_short_secret_is_masked_by_its_form_only():
    remember("ab")

    assert redact("about postgresql://ann:ab@db/shop") == "about postgresql://ann:***@db/shop"


def test_a_connection_string_makes_the_secrets_in_it_known():
    remember("DRIVER=X;UID=ann;PWD={brace;d}}s3cret};ENCRYPT=yes")

    assert redact("login failed: brace;d}s3cret") == "login failed: ***"


def test_secrets_inside_a_connection_string_are_found_decoded():
    text = quote("DRIVER={X};UID=ann;PWD={a;b};", safe="")

    assert "a;b" in embedded_secrets(text)


SECRET_NAMES = """
    password PASSWORD passwd pwd sslpassword token access_token motherduck_token secret client_secret api_key apikey
    private_key private_key_passphrase AccountKey aws_secret_access_key passphrase odbc_connect sig
"""
OTHER_NAMES = "user host sslmode sslkey passfile application_name keyspace compass tokenizer max_tokens timeout"


@pytest.mark.parametrize("name", SECRET_NAMES.split())
def test_names_of_secrets_are_known(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", OTHER_NAMES.split())
def test_other_names_are_no_secrets(name):
    assert not is_secret_name(name)


def test_a_safe_url_shows_everything_but_the_secrets():
    url = make_url(f"postgresql+psycopg://ann:{WORD}@db:5432/shop?sslmode=require&sslpassword={WORD}")

    assert safe_url(url) == "postgresql+psycopg://ann:***@db:5432/shop?sslmode=require&sslpassword=***"


def test_a_safe_url_hides_a_whole_odbc_string():
    url = make_url(f"mssql+pyodbc:///?odbc_connect={quote_plus(f'DRIVER=X;PWD={WORD}')}")

    assert safe_url(url) == "mssql+pyodbc:///?odbc_connect=***"


def test_a_safe_url_is_readable_when_the_password_is_the_name_of_the_user():
    remember("postgres")

    assert safe_url(make_url("postgresql://postgres@db/postgres")) == "postgresql://postgres@db/postgres"


def test_an_alias_without_url_has_an_empty_safe_url():
    assert safe_url(None) == ""


@pytest.mark.parametrize("piece", ["x://", "x://a:", "password=", "password='", "pwd={", "%25", "pass ", "pwd=a b "])
@pytest.mark.timeout(30)
def test_no_text_takes_for_ever(piece):
    assert redact(piece * (60_000 // len(piece)))
