"""Functions of text; lengths and places count characters, and letters of every script change their case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from multidb_explorer.query.expressions import Resolved, Value
from multidb_explorer.query.functions.base import INTEGER, TEXT, ScalarFunction, below

if TYPE_CHECKING:
    from multidb_explorer.query.scope import Scope

__all__ = [
    "MD5",
    "SHA1",
    "SHA224",
    "SHA256",
    "SHA384",
    "SHA512",
    "Chr",
    "Concat",
    "ConcatPair",
    "LPad",
    "LTrim",
    "Left",
    "Length",
    "Lower",
    "Ord",
    "RPad",
    "RTrim",
    "Repeat",
    "Replace",
    "Reverse",
    "Right",
    "StrIndex",
    "Substr",
    "Trim",
    "Upper",
]


class _TextFunction(ScalarFunction):
    arity: ClassVar[int | None] = 1
    takes: ClassVar[tuple[str, ...]] = ("text",)
    gives = TEXT


class _CaseFunction(_TextFunction):
    def _folding(self, scope: Scope) -> str | None:
        return scope.database.folding


class Upper(_CaseFunction):
    """The text in capital letters; a letter without a single capital stays.

    Examples
    --------
    >>> Upper("name")
    Upper(F('name'))
    """

    function = "upper"


class Lower(_CaseFunction):
    """The text in small letters."""

    function = "lower"


class Length(_TextFunction):
    """How many characters the text has."""

    function = "length"
    gives = INTEGER


class Trim(_TextFunction):
    """The text without blanks at both ends."""

    function = "trim"


class LTrim(_TextFunction):
    """The text without blanks at its beginning."""

    function = "ltrim"


class RTrim(_TextFunction):
    """The text without blanks at its end."""

    function = "rtrim"


class Reverse(_TextFunction):
    """The characters in reverse order."""

    function = "reverse"


class Ord(_TextFunction):
    """The number of the first character; NULL for an empty text."""

    function = "ord"
    gives = INTEGER
    partial = True


class Chr(_TextFunction):
    """The character of a number; NULL for numbers that have none."""

    function = "chr"
    takes = ("whole",)
    partial = True


class MD5(_TextFunction):
    """The MD5 digest of the text in UTF-8, in hexadecimal digits."""

    function = "md5"


class SHA1(_TextFunction):
    """The SHA-1 digest."""

    function = "sha1"


class SHA224(_TextFunction):
    """The SHA-224 digest."""

    function = "sha224"


class SHA256(_TextFunction):
    """The SHA-256 digest."""

    function = "sha256"


class SHA384(_TextFunction):
    """The SHA-384 digest."""

    function = "sha384"


class SHA512(_TextFunction):
    """The SHA-512 digest."""

    function = "sha512"


class Concat(_TextFunction):
    """Texts one after the other; NULL counts as an empty text.

    Examples
    --------
    >>> Concat("first_name", Value(" "), "last_name")
    Concat(F('first_name'), Value(' '), F('last_name'))
    """

    function = "concat"
    arity: ClassVar[int | None] = None

    def __init__(self, *expressions: Any, output_field: Any = None) -> None:
        if len(expressions) < 2:
            raise ValueError("Concat takes at least two expressions.")
        super().__init__(*expressions, output_field=output_field)

    def nullable(self, arguments: Sequence[Resolved]) -> bool:
        return False


class ConcatPair(Concat):
    """Two texts one after the other."""

    arity = 2


class Left(_TextFunction):
    """The first characters.

    Parameters
    ----------
    expression
        The text.
    length
        How many.
    """

    function = "left"
    arity = 2
    takes = ("text", "whole")

    def __init__(self, expression: Any, length: Any, *, output_field: Any = None) -> None:
        if below(length, 1):
            raise ValueError(f"length must be greater than 0, not {length!r}.")
        super().__init__(expression, length, output_field=output_field)


class Right(Left):
    """The last characters."""

    function = "right"


class LPad(_TextFunction):
    """The text, filled on the left or cut to a length.

    Parameters
    ----------
    expression
        The text.
    length
        How many characters come out.
    fill_text
        What it is filled with.
    """

    function = "lpad"
    arity = 3
    takes = ("text", "whole", "text")

    def __init__(
        self,
        expression: Any,
        length: Any,
        fill_text: Any = Value(" "),  # noqa: B008 -- an immutable constant
        *,
        output_field: Any = None,
    ) -> None:
        if below(length, 0):
            raise ValueError(f"length must be 0 or more, not {length!r}.")
        super().__init__(expression, length, fill_text, output_field=output_field)


class RPad(LPad):
    """The text, filled on the right or cut to a length."""

    function = "rpad"


class Repeat(_TextFunction):
    """The text several times.

    Parameters
    ----------
    expression
        The text.
    number
        How many times.
    """

    function = "repeat"
    arity = 2
    takes = ("text", "whole")

    def __init__(self, expression: Any, number: Any, *, output_field: Any = None) -> None:
        if below(number, 0):
            raise ValueError(f"number must be 0 or more, not {number!r}.")
        super().__init__(expression, number, output_field=output_field)


class Replace(_TextFunction):
    """The text with every occurrence of a part replaced.

    Parameters
    ----------
    expression
        The text.
    text
        What is looked for.
    replacement
        What stands there afterwards; nothing by default.
    """

    function = "replace"
    arity = 3

    def __init__(
        self,
        expression: Any,
        text: Any,
        replacement: Any = Value(""),  # noqa: B008 -- an immutable constant
        *,
        output_field: Any = None,
    ) -> None:
        super().__init__(expression, text, replacement, output_field=output_field)


class StrIndex(_TextFunction):
    """The place of a text in another one, counted from 1; 0 where it is not there."""

    function = "strindex"
    arity = 2
    gives = INTEGER


class Substr(_TextFunction):
    """A part of a text.

    Parameters
    ----------
    expression
        The text.
    pos
        Its first character, counted from 1.
    length
        How many; all that follow by default.
    """

    function = "substr"
    arity = None
    takes = ("text", "whole", "whole")

    def __init__(self, expression: Any, pos: Any, length: Any = None, *, output_field: Any = None) -> None:
        if below(pos, 1):
            raise ValueError(f"pos must be greater than 0, not {pos!r}.")
        super().__init__(expression, pos, *([] if length is None else [length]), output_field=output_field)
