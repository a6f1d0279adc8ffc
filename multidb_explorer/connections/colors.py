"""The colours an alias may be marked with. They go into styles: only a known name or a hexadecimal code passes."""

from __future__ import annotations

import re

from multidb_explorer.errors import near

__all__ = ["checked_color"]

_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")

_NAMES = frozenset(
    """
    aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet brown burlywood
    cadetblue chartreuse chocolate coral cornflowerblue cornsilk crimson cyan darkblue darkcyan darkgoldenrod darkgray
    darkgreen darkgrey darkkhaki darkmagenta darkolivegreen darkorange darkorchid darkred darksalmon darkseagreen
    darkslateblue darkslategray darkslategrey darkturquoise darkviolet deeppink deepskyblue dimgray dimgrey dodgerblue
    firebrick floralwhite forestgreen fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew
    hotpink indianred indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon lightblue lightcoral lightcyan
    lightgoldenrodyellow lightgray lightgreen lightgrey lightpink lightsalmon lightseagreen lightskyblue lightslategray
    lightslategrey lightsteelblue lightyellow lime limegreen linen magenta maroon mediumaquamarine mediumblue
    mediumorchid mediumpurple mediumseagreen mediumslateblue mediumspringgreen mediumturquoise mediumvioletred
    midnightblue mintcream mistyrose moccasin navajowhite navy oldlace olive olivedrab orange orangered orchid
    palegoldenrod palegreen paleturquoise palevioletred papayawhip peachpuff peru pink plum powderblue purple
    rebeccapurple red rosybrown royalblue saddlebrown salmon sandybrown seagreen seashell sienna silver skyblue
    slateblue slategray slategrey snow springgreen steelblue tan teal thistle tomato turquoise violet wheat white
    whitesmoke yellow yellowgreen
    """.split()  # noqa: SIM905 - a list of them would be 150 lines long
)


def checked_color(text: str) -> str:
    """Give a CSS colour in lower case.

    Parameters
    ----------
    text
        A CSS colour name, or ``#rgb``, ``#rgba``, ``#rrggbb``, ``#rrggbbaa``.

    Raises
    ------
    ValueError
        For anything else.

    Examples
    --------
    >>> checked_color("Orange")
    'orange'
    """
    color = text.lower()
    if color in _NAMES or _HEX.fullmatch(color):
        return color
    close = near(color, _NAMES)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    raise ValueError(f"must be a CSS colour name or a code such as #ff8800, not {text[:40]!r}.{hint}")
