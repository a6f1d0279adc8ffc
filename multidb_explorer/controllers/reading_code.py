"""Where the cursor stands in unfinished code: in which call or brackets, in a text or after a comma."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Place", "Spot", "place_of"]

_OPEN, _CLOSE = "([{", ")]}"
_NAMED = re.compile(r"([^\W\d]\w*)\s*=\s*$")
_WORD = re.compile(r"\w*$")


@dataclass(frozen=True)
class Spot:
    """One open bracket around the cursor.

    Attributes
    ----------
    bracket
        ``(``, ``[`` or ``{``.
    before
        The expression that it belongs to, or ``None`` for brackets that only group.
    finished
        The source of the arguments before the cursor's own one.
    """

    bracket: str
    before: ast.expr | None
    finished: str


@dataclass(frozen=True)
class Place:
    """Where the cursor stands.

    Attributes
    ----------
    spots
        The brackets around it, innermost first.
    fragment
        What is typed of the present word or text.
    in_text
        Whether it stands in a text.
    keyword
        The argument that it is the value of, or empty.
    fresh
        Whether nothing but the fragment is typed of this argument.
    """

    spots: tuple[Spot, ...]
    fragment: str
    in_text: bool
    keyword: str
    fresh: bool


@dataclass
class _Scan:
    """What a walk over the code found: open brackets, what is closed by its end, last commas, and the open text."""

    opened: list[int] = field(default_factory=list)
    pairs: dict[int, int] = field(default_factory=dict)
    texts: dict[int, int] = field(default_factory=dict)
    comments: dict[int, int] = field(default_factory=dict)
    commas: dict[int, int] = field(default_factory=dict)
    text_start: int | None = None
    content_start: int = 0


def place_of(code: str) -> Place | None:
    """Tell where the end of some code stands; ``None`` outside of all brackets.

    Examples
    --------
    >>> place = place_of("User.objects.filter(name='Ann', cou")
    >>> place.fragment, ast.unparse(place.spots[0].before), place.fresh
    ('cou', 'User.objects.filter', True)
    """
    scan = _scanned(code)
    if not scan.opened:
        return None
    innermost = scan.opened[-1]
    start = scan.commas.get(innermost, innermost) + 1
    in_text = scan.text_start is not None
    end = scan.text_start if scan.text_start is not None else len(code)
    word = "" if in_text else (_WORD.search(code) or [""])[0]
    fragment = code[scan.content_start :] if in_text else word
    head = code[start : end - len(word)]
    named = _NAMED.search(head)
    keyword = named[1] if named is not None and not head[: named.start()].strip() else ""
    rest = "" if keyword else head.strip()
    return Place(tuple(_spots(code, scan)), fragment, in_text, keyword, not rest)


def _scanned(code: str) -> _Scan:
    scan, place = _Scan(), 0
    while place < len(code):
        sign = code[place]
        if sign == "#":
            end = _end_of_line(code, place)
            scan.comments[end - 1] = place
            place = end
        elif sign in "\"'":
            place = _over_text(code, place, scan)
        else:
            _note(sign, place, scan)
            place += 1
    return scan


def _note(sign: str, place: int, scan: _Scan) -> None:
    if sign in _OPEN:
        scan.opened.append(place)
    elif sign in _CLOSE and scan.opened:
        scan.pairs[place] = scan.opened.pop()
    elif sign == "," and scan.opened:
        scan.commas[scan.opened[-1]] = place


def _end_of_line(code: str, place: int) -> int:
    found = code.find("\n", place)
    return len(code) if found < 0 else found


def _over_text(code: str, place: int, scan: _Scan) -> int:
    """Go past a text; where it is still open, note that."""
    quote = code[place : place + 3] if code[place : place + 3] in ('"""', "'''") else code[place]
    at = place + len(quote)
    while at < len(code):
        if code[at] == "\\":
            at += 2
        elif code.startswith(quote, at):
            scan.texts[at + len(quote) - 1] = place
            return at + len(quote)
        elif code[at] == "\n" and len(quote) == 1:
            # A text that was never closed ends with its line.
            return at
        else:
            at += 1
    scan.text_start, scan.content_start = place, place + len(quote)
    return len(code)


def _spots(code: str, scan: _Scan) -> Iterator[Spot]:
    for place in reversed(scan.opened):
        comma = scan.commas.get(place)
        finished = code[place + 1 : comma] if comma is not None else ""
        yield Spot(code[place], _expression(code[_start(code, place, scan) : place]), finished)


def _start(code: str, end: int, scan: _Scan) -> int:
    """Find where the expression before a bracket begins: names, dots, and whole brackets and texts."""
    at = end
    while at > 0:
        sign = code[at - 1]
        if at - 1 in scan.pairs:
            at = scan.pairs[at - 1]
        elif at - 1 in scan.texts:
            at = scan.texts[at - 1]
        elif sign.isalnum() or sign in "_.":
            at -= 1
        else:
            before = _over_blank(code, at, scan)
            # A chain may go over several lines.
            if before == at or (code[at] != "." and code[before - 1 : before] != "."):
                break
            at = before
    return at


def _over_blank(code: str, at: int, scan: _Scan) -> int:
    """Go back over white space and comments."""
    while at > 0 and (code[at - 1].isspace() or at - 1 in scan.comments):
        at = scan.comments.get(at - 1, at - 1)
    return at


def _expression(code: str) -> ast.expr | None:
    try:
        return ast.parse(f"({code.strip()}\n)", mode="eval").body if code.strip() else None
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
