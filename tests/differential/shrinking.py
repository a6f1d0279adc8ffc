"""Make a program that fails smaller, as long as it keeps failing."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

__all__ = ["shrunk", "skeleton"]

KEPT = frozenset({"distinct", "order_by", "output_field", "then", "flat"})
"""Keywords without which a program may mean nothing certain, or something that differs on purpose."""

ENDS = ("first", "last", "earliest", "latest")


def shrunk(text: str, fails: Callable[[str], bool], attempts: int = 400) -> str:
    """Give the smallest program found that still fails.

    Examples
    --------
    >>> shrunk("Book.objects.filter(pages=1, pk=2).count()", lambda text: "pages" in text)
    'Book.objects.filter(pages=1)'
    """
    tried = {text}
    found = True
    while found:
        found = False
        for smaller in _smaller(text):
            if smaller in tried:
                continue
            if len(tried) > attempts:
                return text
            tried.add(smaller)
            if fails(smaller):
                text, found = smaller, True
                break
    return text


def skeleton(text: str) -> str:
    """Give what a program calls, without what it says: programs with the same one often fail for the same reason."""
    calls = [node for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Call)]
    names = [call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func) for call in calls]
    return " ".join(dict.fromkeys(names))


def _smaller(text: str) -> Iterator[str]:
    """Give programs with one part less."""
    tree = ast.parse(text, mode="eval")
    in_part = any(isinstance(node, ast.Subscript) for node in ast.walk(tree)) or _method(tree.body) in ENDS
    for place, node in enumerate(ast.walk(tree)):
        if in_part and _method(node) == "order_by":
            # A part of rows in no certain order is no certain part.
            continue
        for change in range(len(_changes(node))):
            other = copy.deepcopy(tree)
            target = list(ast.walk(other))[place]
            made = _changes(target)[change]()
            if made is not None:
                other = _Replacing(target, made).visit(other)
            yield ast.unparse(other)


class _Replacing(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def _method(node: ast.AST) -> str:
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def _changes(node: ast.AST) -> list[Callable[[], ast.AST | None]]:
    """List ways to make a node smaller: each changes it, or gives what to put in its place."""
    match node:
        case ast.Call(func=ast.Attribute(value=value)) if not isinstance(value, ast.Name | ast.Attribute):
            return [lambda: value, *_dropped_arguments(node)]
        case ast.Call(func=ast.Attribute()):
            return [*_dropped_arguments(node), lambda: node.func.value]
        case ast.Call():
            return [*(lambda part=part: part for part in node.args), *_dropped_arguments(node)]
        case ast.Subscript(value=value):
            return [lambda: value]
        case ast.BinOp(left=left, right=right):
            return [lambda: left, lambda: right]
        case ast.UnaryOp(operand=operand):
            return [lambda: operand]
        case ast.List(elts=items) | ast.Tuple(elts=items) if len(items) > 1:
            return [lambda place=place: items.pop(place) and None for place in range(len(items))]
    return []


def _dropped_arguments(call: ast.Call) -> list[Callable[[], None]]:
    keywords = [place for place, keyword in enumerate(call.keywords) if keyword.arg not in KEPT]
    drops = [lambda place=place: call.args.pop(place) and None for place in range(len(call.args))]
    return drops + [lambda place=place: call.keywords.pop(place) and None for place in keywords]
