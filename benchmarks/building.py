"""What a query text costs before its statement runs, ours beside Django's, and what it costs altogether.

The texts are the same on both sides, over the models of ``tests/differential`` and one SQLite file. Building and
compiling goes from the text's evaluation to SQL with parameters, as execution would send it:

- Django: ``queryset.query.get_compiler(using).as_sql()``, which keeps nothing between two queries.
- ours, again: SQLAlchemy keeps compiled statements by their shape, as it does in every execution; only the first
  query of a shape is compiled. This is what loops, widgets and cells that are run again pay.
- ours, first: the same without what SQLAlchemy keeps, as for the first query of its shape in a process.

The last column is the whole cell: the rows are read from the file too.

    python benchmarks/building.py [rounds]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import CodeType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "differential"))

import judge
import ours
from common.measuring import alternated, machine, ratio, stored
from trials import made_bookshop

from multidb_explorer.connections.registry import databases

TEXTS = {
    "filter, order, slice": "Author.objects.filter(country='FR', age__gt=30).order_by('-age', 'pk')[:20]",
    "get by key": "Author.objects.filter(pk=7)",
    "filter over two relations": "Review.objects.filter(book__author__country='FR', book__publisher__founded__gt=1)",
    "exclude over many-to-many": "Book.objects.exclude(tags__label='alpha')",
    "group and count": "Book.objects.values('publisher__name').annotate(n=Count('id')).order_by('-n')",
    "two aggregates": "Author.objects.annotate(n=Count('books'), mean=Avg('books__pages'))",
    "Case, When, F arithmetic": "Book.objects.annotate(size=Case(When(pages__gt=100, then=Value('long')), "
    "When(pages__gt=10, then=Value('middle')), default=Value('short')), total=F('pages') * 2 + F('copies'))",
    "Exists, OuterRef": "Author.objects.filter(Exists(Book.objects.filter(author=OuterRef('pk'), pages__gt=100)))",
    "window": "Book.objects.annotate("
    "place=Window(RowNumber(), partition_by=[F('author')], order_by=F('pages').desc()))",
    "tree of eight conditions": "Author.objects.filter("
    "(Q(country='FR') & Q(age__gt=3) | Q(country='DE') & Q(age__lt=50)) "
    "& (Q(name__startswith='A') | ~Q(slug='beta')) & (Q(rating__gte=1.5) | Q(nick__isnull=True)))",
    "union": "Author.objects.filter(country='FR').values('name')"
    ".union(Author.objects.filter(country='DE').values('name'))",
}


@dataclass(frozen=True)
class Measured:
    """One text: median seconds a side, and ratios of ours to Django's."""

    name: str
    text: str
    django: float
    ours_again: float
    ours_first: float
    ratio_again: float
    ratio_first: float
    django_whole: float
    ours_whole: float
    ratio_whole: float


def by_django(code: CodeType) -> object:
    return eval(code, judge.NAMES).query.get_compiler("default").as_sql()  # noqa: S307


def by_ourselves(code: CodeType, *, kept: bool) -> object:
    """Compile as `Connection.execute` does, down to the parameters in their order."""
    engine = databases[ours.ALIAS].engine
    statement = eval(code, ours.names()).reading.statement  # noqa: S307
    compiled, extracted, *_ = statement._compile_w_cache(  # noqa: SLF001
        engine.dialect,
        compiled_cache=engine._compiled_cache if kept else None,  # noqa: SLF001
        column_keys=[],
        for_executemany=False,
        schema_translate_map=None,
    )
    parameters = compiled.construct_params(extracted_parameters=extracted)
    if compiled._render_postcompile or compiled.post_compile_params:  # noqa: SLF001
        state = compiled._process_parameters_for_postcompile(parameters)  # noqa: SLF001
        return state.statement, [parameters[name] for name in state.positiontup or ()]
    return compiled.string, [parameters[name] for name in compiled.positiontup or ()]


def rows(code: CodeType, names: dict[str, Any]) -> list[Any]:
    return list(eval(code, names))  # noqa: S307


def measured(name: str, text: str, rounds: int) -> Measured:
    """Measure one text."""
    code = compile(text, name, "eval")
    sides: dict[str, Callable[[], object]] = {
        "django": lambda: by_django(code),
        "ours again": lambda: by_ourselves(code, kept=True),
        "ours first": lambda: by_ourselves(code, kept=False),
        "django whole": lambda: rows(code, judge.NAMES),
        "ours whole": lambda: rows(code, ours.names()),
    }
    taken = alternated(sides, rounds)
    return Measured(
        name,
        text,
        *(median(taken[side]) for side in ("django", "ours again", "ours first")),
        ratio(taken["ours again"], taken["django"]),
        ratio(taken["ours first"], taken["django"]),
        *(median(taken[side]) for side in ("django whole", "ours whole")),
        ratio(taken["ours whole"], taken["django whole"]),
    )


def medians(found: list[Measured]) -> dict[str, float]:
    """Give the median ratio over the texts."""
    names = ("ratio_again", "ratio_first", "ratio_whole")
    return {name: median(getattr(each, name) for each in found) for name in names}


def show(found: list[Measured]) -> None:
    print(f"{'':28}{'building and compiling':^48}{'with its rows':^30}")
    print(f"{'µs':28}{'Django':>9}{'ours again':>12}{'ratio':>7}{'ours first':>12}{'ratio':>7}", end="")
    print(f"{'Django':>11}{'ours':>9}{'ratio':>7}")
    for each in found:
        print(
            f"{each.name:28}{each.django * 1e6:9.0f}{each.ours_again * 1e6:12.0f}{each.ratio_again:7.2f}"
            f"{each.ours_first * 1e6:12.0f}{each.ratio_first:7.2f}"
            f"{each.django_whole * 1e6:11.0f}{each.ours_whole * 1e6:9.0f}{each.ratio_whole:7.2f}"
        )
    over = medians(found)
    print(
        f"{'median over the texts':28}{over['ratio_again']:28.2f}{over['ratio_first']:19.2f}{over['ratio_whole']:27.2f}"
    )


def main() -> None:
    """Measure, print the table and keep it."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    known = machine("multidb_explorer", "SQLAlchemy", "Django")
    print(f"Building a query: median of {rounds} rounds, alternating; ratio is ours to Django's")
    print(f"{known['platform']}, {known['cores']} cores, Python {known['python']}; {known['versions']}\n")
    with tempfile.TemporaryDirectory() as folder:
        ours.open_bookshop(made_bookshop(Path(folder)))
        found = [measured(name, text, rounds) for name, text in TEXTS.items()]
        judge.close_bookshop()
        databases.clear()
    show(found)
    result = {"rounds": rounds, "machine": known, "median ratios": medians(found), "texts": [vars(m) for m in found]}
    print(f"\n{stored('building', result)}")


if __name__ == "__main__":
    main()
