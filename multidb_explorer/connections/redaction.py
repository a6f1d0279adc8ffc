"""Takes passwords, tokens and keys out of any text before somebody sees it.

Two nets, because each has holes alone: the *forms* in which secrets are written (URLs, query strings, connection
strings), and the *values* that were resolved in this process, which catch what a driver repeats in a form of its own.
"""

from __future__ import annotations

import html
import json
import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL

__all__ = ["MASK", "embedded_secrets", "is_secret_name", "redact", "redact_forms", "remember", "safe_url"]

MASK = "***"

# A shorter secret is part of so many words that masking it would leave no message readable, and the masks themselves
# would spell it out.
_FLOOR = 3
# For the same reason a short plain one is masked only where it stands alone: `***board` would tell it.
_PLAIN = re.compile(r"[A-Za-z0-9]{1,8}")
# Tokens that a callable renews all day must not fill the memory of a long session.
_MOST = 1_000

_NAME = (
    r"(?:pass(?:word|wd|phrase|code)\d?|pwd\d?|(?<![a-z])pass|secret|token|credentials?(?:_base64|_info)?|signature"
    r"|(?<![a-z])sig|odbc_connect"
    r"|(?:secret|api|access|account|private|shared|encryption|storage)[_-]?(?:access[_-]?)?key(?:[_-]?content)?)"
)
_SECRET_NAME = re.compile(rf"{_NAME}$", re.IGNORECASE)

_BRACED = r"\{(?:[^}]|\}\})*\}?"
_QUOTED = r"'(?:[^'\\]|\\.|'')*'?|\"(?:[^\"\\]|\\.|\"\")*\"?"
# A value without quotes ends at a separator; with spaces in it, it is sure to be one value only before a semicolon.
_BARE = r"[^\s;&=]+(?:[ ][^;&=\n]*)?(?=;)|[^\s;&]+"
# Connection strings travel inside query strings, where all of this is percent-encoded, at times twice.
_ENCODED_BRACED = r"%(?:25)*7B(?:(?:%(?:25)*7D){2}|(?!%(?:25)*7D)\S)*(?:%(?:25)*7D)?"
_ENCODED_BARE = r"(?:(?!%(?:25)*(?:3B|26))[^\s;&])+"

_FORMS = (
    # user:password@ up to the last @, since a password may hold an unencoded one; in a password with spaces, up to the
    # first. The limits leave room for cloud tokens and keep a text full of colons from costing its length squared.
    re.compile(
        r"(?P<before>\w:/{2}[^\s:/@'\"]*:)"
        r"(?P<value>[^\s'\"]{0,2000}|[^\s/@]{0,2000}|(?!\d{1,5}(?:[\s/?#,.;)'\"]|$))[^@\n]{0,200}?)(?P<after>@)"
    ),
    re.compile(rf"(?P<before>{_NAME}=)(?P<value>{_BRACED}|{_QUOTED}|{_BARE})(?P<after>)", re.IGNORECASE),
    re.compile(rf"(?P<before>{_NAME}%(?:25)*3D)(?P<value>{_ENCODED_BRACED}|{_ENCODED_BARE})(?P<after>)", re.IGNORECASE),
    # Spread out, as in a dictionary's repr, JSON or a key file: only a quoted value is surely a value.
    re.compile(rf"(?P<before>{_NAME}\\?['\"]?\s*[=:]\s*\\?)(?P<value>{_QUOTED})(?P<after>)", re.IGNORECASE),
    re.compile(
        r"(?P<before>(?:pass(?:word|wd|phrase|code)|pwd) += +)(?P<value>[^\s'\":;,]+)(?P<after>)", re.IGNORECASE
    ),
)


class _Known:
    """The secrets that this process has seen, and one pattern that finds them in all their spellings."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        """Remember a value; the oldest is let go where there are too many."""
        with self._lock:
            if value not in self._values:
                self._pattern = None
                self._values[value] = None
                if len(self._values) > _MOST:
                    del self._values[next(iter(self._values))]

    def mask(self, text: str) -> str:
        """Replace every known value."""
        with self._lock:
            if self._pattern is None and self._values:
                self._pattern = _pattern(self._values)
            pattern = self._pattern
        return pattern.sub(MASK, text) if pattern else text


def _spellings(value: str) -> Iterator[str]:
    """Give the forms in which a library may write a value: percent-encoded or escaped for Python, JSON, HTML or SQL."""
    yield value
    for encoded in {quote(value, safe=""), quote(value), quote(value, safe=" +"), quote_plus(value)}:
        yield encoded
        yield quote(encoded, safe="")
    yield from (repr(value)[1:-1], ascii(value)[1:-1], repr(value.encode())[2:-1], json.dumps(value)[1:-1])
    yield from (json.dumps(value, ensure_ascii=False)[1:-1], html.escape(value), value.replace("'", "''"))
    yield from (value.replace("}", "}}"), value.replace("'", "\\'"))


def _pattern(values: dict[str, None]) -> re.Pattern[str]:
    parts = {spelling: _guarded(spelling) for value in values for spelling in _spellings(value)}
    # Longest first: a secret that begins another one must not leave the rest of it behind.
    return re.compile("|".join(parts[spelling] for spelling in sorted(parts, key=len, reverse=True)))


def _guarded(spelling: str) -> str:
    escaped = re.sub(r"%[0-9A-Fa-f]{2}", lambda code: f"(?i:{code[0]})", re.escape(spelling))
    if not _PLAIN.fullmatch(spelling):
        return escaped
    # Behind an escape (%3D, \n) or an option (-p) a letter is no part of the word.
    behind = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt])|(?<=-[pP]))"
    return rf"{behind}{escaped}(?![A-Za-z0-9])"


_known = _Known()


def remember(value: str) -> None:
    """Note a secret, in memory only, so that `redact` masks it wherever it turns up.

    Parameters
    ----------
    value
        The secret, or a connection string that holds some.

    Examples
    --------
    >>> remember("correct horse")
    >>> redact("said correct horse!")
    'said ***!'
    """
    for secret in (value, *embedded_secrets(value)):
        if len(secret) >= _FLOOR and secret != MASK:
            _known.add(secret)


def redact(text: str) -> str:
    """Give a text without the secrets in it, for every message, log line and repr.

    Parameters
    ----------
    text
        Anything that may quote a URL, a connection string or a driver.

    Examples
    --------
    >>> redact("no route to postgresql://ann:s3cret@db/shop?sslpassword=other")
    'no route to postgresql://ann:***@db/shop?sslpassword=***'
    """
    # The known values come first: cutting a form at its separator could leave half of one standing.
    return redact_forms(_known.mask(text))


def redact_forms(text: str) -> str:
    """Mask what has the form of a secret, without looking for known values.

    Parameters
    ----------
    text
        A URL, a connection string or a text around one.

    Examples
    --------
    >>> redact_forms("DRIVER=X;UID=ann;PWD={a;b}")
    'DRIVER=X;UID=ann;PWD=***'
    """
    for form in _FORMS:
        text = form.sub(rf"\g<before>{MASK}\g<after>", text)
    return text


def is_secret_name(name: str) -> bool:
    """Tell whether a setting of this name holds a secret.

    Parameters
    ----------
    name
        A query parameter or an entry of OPTIONS.

    Examples
    --------
    >>> is_secret_name("sslpassword"), is_secret_name("sslmode")
    (True, False)
    """
    return _SECRET_NAME.search(name) is not None


def embedded_secrets(text: str) -> list[str]:
    """Find the secrets written inside a connection string, decoded.

    Parameters
    ----------
    text
        A connection string, plain or percent-encoded.

    Examples
    --------
    >>> embedded_secrets("DRIVER%3DX%3BPWD%3Dhunter2%3B")
    ['hunter2']
    """
    found: dict[str, None] = {}
    for form in _FORMS:
        for match in form.finditer(text):
            found.update(dict.fromkeys(_unwrapped(match["value"])))
    return [value for value in found if value and value != MASK]


def _unwrapped(value: str) -> Iterator[str]:
    """Give a value as written and as meant: decoded, without its braces or quotes."""
    yield value
    for plain in {value, unquote_plus(value), unquote_plus(unquote_plus(value))}:
        if plain[:1] == "{" and plain[-1:] == "}":
            yield plain[1:-1].replace("}}", "}")
        elif len(plain) > 1 and plain[0] == plain[-1] and plain[0] in "'\"":
            yield plain[1:-1]
            yield re.sub(r"\\(.)", r"\1", plain[1:-1])
        else:
            yield plain


def safe_url(url: URL | None) -> str:
    """Write a URL for the screen: nothing secret in it, the rest as it is.

    Parameters
    ----------
    url
        A SQLAlchemy URL, or ``None`` for an alias without one.

    Examples
    --------
    >>> from sqlalchemy import make_url
    >>> safe_url(make_url("postgresql://ann:pw@db/shop?sslmode=require&sslpassword=x"))
    'postgresql://ann:***@db/shop?sslmode=require&sslpassword=***'
    """
    if url is None:
        return ""
    secret = [name for name in url.query if is_secret_name(name)]
    text = url.difference_update_query(secret).render_as_string(hide_password=True)
    masked = "&".join(f"{quote_plus(name)}={MASK}" for name in secret)
    joined = f"{text}{'&' if '?' in text else '?'}{masked}" if masked else text
    # Known values are left to `redact`: here a word in a named part is a user or database, not the password that is
    # spelled the same.
    return redact_forms(joined)
