"""Texts that try to become markup, script or another text, and what judges the HTML that shows them."""

from __future__ import annotations

from html.parser import HTMLParser

IMAGE = '<img src=x onerror="window.hacked=1">'
SCRIPT = "</td></table><script>window.hacked=1</script>"
LINK = "javascript:window.hacked=1"
BREAKS_OUT = "\"' onmouseover='window.hacked=1' x=`${window.hacked=1}` {{7*7}} <!-- --> ]]> &lt;b&gt;"
# A right-to-left override turns what follows around; the others are not seen at all.
TURNS_AROUND = "exe.\u202egnp.\u2066a\u200bb\u2069\u200d"

PAYLOADS = (IMAGE, SCRIPT, LINK, BREAKS_OUT, TURNS_AROUND)

_TAGS = frozenset(["div", "table", "thead", "tbody", "tr", "th", "td", "em", "b", "span"])
_ATTRIBUTES = frozenset(["style", "class", "colspan", "scope"])


class _Judge(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.bad: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        if tag not in _TAGS:
            self.bad.append(f"<{tag}>")
        self.bad += [f"{name}={value}" for name, value in attrs if name not in _ATTRIBUTES or "url(" in (value or "")]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.bad.append(f"</{tag}> that closes nothing")

    def handle_comment(self, data: str) -> None:
        self.bad.append(f"<!--{data}-->")


def markup_in(html: str) -> list[str]:
    """Give what this HTML has beyond tables of text.

    Examples
    --------
    >>> markup_in("<b>bold</b>"), markup_in("<b onclick=x>bold<img>")
    ([], ['onclick=x', '<img>', 'b is never closed', 'img is never closed'])
    """
    judge = _Judge()
    judge.feed(html)
    judge.close()
    return judge.bad + [f"{tag} is never closed" for tag in judge.open]
