"""Random programs: one Python expression each, which means the same to Django and to us."""

from __future__ import annotations

from collections.abc import Callable

from building import NUMBERS, Chain
from vocabulary import Dice, literal, shape_of

__all__ = ["program"]

STEPS: dict[Callable[[Chain], None], float] = {
    Chain.filter: 6,
    Chain.exclude: 2.5,
    Chain.annotate: 4,
    Chain.annotate_aggregates: 3,
    Chain.annotate_subquery: 1,
}


def program(seed: int, number: int) -> str:
    """Give the program of that number for a seed.

    Examples
    --------
    >>> program(1, 1) == program(1, 1)
    True
    """
    dice = Dice(f"{seed}/{number}")
    make = dice.weighted({_of_rows: 10, _of_groups: 3, _of_totals: 2, _combined: 1.5, _of_windows: 1.5, _wrong: 0.7})
    # One mistake at a time: which of two is found first means nothing.
    dice.careless = make not in (_wrong, _combined) and dice.chance(0.06)
    return make(dice)


def _stepped(dice: Dice, least: int = 0, most: int = 3) -> Chain:
    chain = Chain(dice)
    for _ in range(dice.number(least, most)):
        dice.weighted(STEPS)(chain)
    return chain


# --- rows ----------------------------------------------------------------------------------


def _of_rows(dice: Dice) -> str:
    chain = _stepped(dice, least=1)
    ending = dice.weighted(_ENDINGS)
    ending(chain)
    return chain.text


def _listed(chain: Chain) -> None:
    """End with rows: instances, dictionaries or tuples; ordered or not, in part or as a whole."""
    dice = chain.dice
    joined = _chosen(chain) if dice.chance(0.6) else ()
    if dice.chance(0.75):
        chain.order(total=True, last=joined)
        if dice.chance(0.3):
            _sliced(chain)
    elif dice.chance(0.5):
        chain.order(total=False)


def _chosen(chain: Chain) -> tuple[str, ...]:
    """Choose columns; give the keys of the joined rows among them."""
    dice = chain.dice
    names = dice.some([field.name for field in chain.shape.fields], 3)
    names += [name for name in chain.shown if dice.chance(0.8)]
    joined: set[str] = set()
    for _ in range(dice.number(0, 2)):
        may_join = chain.plan == "free" and not chain.aggregates and not chain.windows
        reached = chain.speakers()[0].reach(many=may_join)
        names.append(reached.prefix + dice.pick(reached.shape.fields).name)
        joined |= {f"{reached.many}__pk"} if reached.many else set()
    chain.joined |= joined
    # Behind a filter on a window, Django gives a column that was chosen under two names once.
    names = list({name.removesuffix("__id"): name for name in names}.values())
    chain.call(f"{dice.pick(('values', 'values_list'))}({', '.join(map(literal, names))})")
    return tuple(sorted(joined))


def _sliced(chain: Chain) -> None:
    dice = chain.dice
    # We look at a query when it is asked, and an empty part never is.
    start, length = dice.number(0, 6), dice.number(int(chain.careless), 9)
    chain.text += dice.pick((f"[:{length}]", f"[{start}:{start + length}]", f"[{start}:]", f"[{start}:][:{length}]"))
    ending = dice.weighted({"": 6, ".count()": 1, ".exists()": 1, ".first()": 0.5})
    chain.text += ending


def _distinct(chain: Chain) -> None:
    """End with distinct rows of some columns, ordered by them or, which makes more rows, by others."""
    dice = chain.dice
    names = dice.some([*(field.name for field in chain.shape.fields), *sorted(chain.shown)], 2)
    flat = ", flat=True" if len(names) == 1 and dice.chance(0.5) else ""
    chain.call(f"values_list({', '.join(map(literal, names))}{flat}).distinct()")
    if dice.chance(0.2):
        chain.order(total=True)
    elif dice.chance(0.6):
        chain.call(f"order_by({', '.join(map(literal, names))})")
        if dice.chance(0.4):
            _sliced(chain)
    elif dice.chance(0.4):
        chain.call("count()")


def _whole_distinct(chain: Chain) -> None:
    chain.call(chain.dice.pick(("distinct()", "distinct().count()", 'distinct().order_by("pk")[:5]')))


def _counted(chain: Chain) -> None:
    chain.call(chain.dice.pick(("count()", "exists()", "count()")))


def _one(chain: Chain) -> None:
    """End with one row."""
    dice = chain.dice
    if dice.chance(0.6):
        if dice.chance(0.5):
            chain.order(total=True)
        chain.call(f"{dice.pick(('first', 'last'))}()")
    elif dice.chance(0.5):
        key = dice.number(0, len(chain.shape.field("id").values))
        chain.call(dice.pick((f"get(pk={key})", f"get(pk__lt={key})", "get()")))
    else:
        field = dice.pick(chain.shape.fields).name
        chain.call(f'{dice.pick(("earliest", "latest"))}("{dice.pick(("", "-"))}{field}", "pk")')


def _indexed(chain: Chain) -> None:
    chain.order(total=True)
    chain.text += f"[{chain.dice.number(0, 20)}]"


def _by_key(chain: Chain) -> None:
    """End with rows by their keys, or with whether a row is among them."""
    dice = chain.dice
    keys = [dice.number(0, 60) for _ in range(dice.number(0, 4))]
    asked = f"contains({chain.model}.objects.get(pk={dice.number(1, 8)}))"
    chain.call(dice.pick(("in_bulk()", f"in_bulk({keys})", asked, asked)))


def _dated(chain: Chain) -> None:
    """End with the days or times that there are."""
    dice = chain.dice
    reached = chain.speakers()[0].reach()
    field = dice.pick(reached.shape.of_kind("date", "datetime") or chain.shape.fields[:1])
    order = dice.pick(("", ', order="DESC"'))
    method, units = ("dates", ["year", "month", "week", "day"])
    if field.kind == "datetime" and dice.chance(0.8):
        method, units = "datetimes", [*units, "hour", "minute", "second"]
    chain.call(f'{method}("{reached.prefix}{field.name}", "{dice.pick(units)}"{order})')


def _aggregated(chain: Chain) -> None:
    """End with totals of the rows, or of their annotations."""
    dice = chain.dice
    names = [name for name, kind in chain.shown.items() if kind in NUMBERS]
    if names and dice.chance(0.7):
        function = (
            dice.pick(("Sum", "Avg", "Min", "Max", "Count")) if chain.plan != "free" else dice.pick(("Min", "Max"))
        )
        chain.call(f'aggregate({function}("{dice.pick(names)}"))')
        return
    made = (
        [chain.aggregate()[0] for _ in range(dice.number(1, 2))]
        if not chain.aggregates
        else ['Count("pk", distinct=True)']
    )
    chain.call(f"aggregate({', '.join(f't{place}={text}' for place, text in enumerate(made))})")


def _loaded(chain: Chain) -> None:
    """End with instances that are loaded in another way."""
    dice = chain.dice
    links = [f'select_related("{link.name}")' for link in chain.shape.links if not link.many]
    fields = ", ".join(literal(field.name) for field in dice.some(chain.shape.fields, 2))
    chain.call(dice.pick((*links, f"only({fields})", f"defer({fields})", "all()")))
    chain.order(total=True)
    if not chain.careless and dice.chance(0.2):
        chain.call("none()")


_ENDINGS: dict[Callable[[Chain], None], float] = {
    _listed: 10,
    _counted: 2,
    _distinct: 1.5,
    _whole_distinct: 0.7,
    _one: 1.5,
    _indexed: 0.4,
    _by_key: 0.7,
    _dated: 0.6,
    _aggregated: 2,
    _loaded: 0.5,
}


# --- groups and totals ---------------------------------------------------------------------


def _of_groups(dice: Dice) -> str:
    """Group rows by some columns, filter the groups and order them."""
    chain = Chain(dice)
    for _ in range(dice.number(0, 2)):
        dice.weighted({Chain.filter: 3, Chain.exclude: 1, Chain.annotate: 2})(chain)
    names = _grouping(chain)
    chain.call(f"{dice.pick(('values', 'values', 'values_list'))}({', '.join(map(literal, names))})")
    chain.annotate_aggregates()
    if filtered := dice.chance(0.4):
        dice.weighted({Chain.filter: 3, Chain.exclude: 1})(chain)
    # Columns that are compared beside aggregates divide the groups further, and their order is not total any more.
    _end_groups(chain, names, sliceable=not filtered)
    return chain.text


def _grouping(chain: Chain) -> list[str]:
    dice = chain.dice
    may_join = not chain.joined and chain.plan != "over"
    names = [name for name in chain.shown if dice.chance(0.7)]
    for _ in range(dice.number(0 if names else 1, 2)):
        reached = chain.speakers()[0].reach(many=may_join and dice.chance(0.5))
        chain.joined |= {reached.many} - {""}
        names.append(reached.prefix + dice.pick(reached.shape.fields).name)
    return list(dict.fromkeys(names))


def _end_groups(chain: Chain, names: list[str], *, sliceable: bool) -> None:
    dice = chain.dice
    if dice.chance(0.15):
        chain.call(dice.pick(("count()", "exists()")))
    elif dice.chance(0.1) and not chain.aggregates.keys() & names:
        chain.call(f'aggregate(Max("{dice.pick(sorted(chain.aggregates))}"))')
    elif dice.chance(0.7):
        first = [f"-{dice.pick(sorted(chain.aggregates))}"] if dice.chance(0.5) else []
        chain.call(f"order_by({', '.join(map(literal, (*first, *names)))})")
        if sliceable and dice.chance(0.5):
            chain.text += f"[:{dice.number(1, 6)}]"


def _of_totals(dice: Dice) -> str:
    """Aggregate all rows that are left."""
    chain = Chain(dice)
    for _ in range(dice.number(0, 2)):
        dice.weighted({Chain.filter: 3, Chain.exclude: 1, Chain.annotate: 1})(chain)
    made = [chain.aggregate()[0] for _ in range(dice.number(1, 3))]
    chain.call(f"aggregate({', '.join(f't{place}={text}' for place, text in enumerate(made))})")
    return chain.text


def _of_windows(dice: Dice) -> str:
    """Annotate window functions, and perhaps filter by them."""
    chain = Chain(dice)
    chain.plan = "base"
    for _ in range(dice.number(0, 2)):
        dice.weighted({Chain.exclude: 1, Chain.annotate: 2})(chain)
    chain.annotate_window()
    for _ in range(dice.number(0, 2)):
        dice.weighted({Chain.filter: 4, Chain.annotate_window: 2, Chain.exclude: 1})(chain)
    dice.weighted({_listed: 6, _counted: 1, _aggregated: 1})(chain)
    return chain.text


# --- several queries -----------------------------------------------------------------------


def _combined(dice: Dice) -> str:
    """Combine two or three queries."""
    return dice.pick((_set_of_values, _set_of_rows, _joined_conditions))(dice)


def _filtered(dice: Dice, model: str, *, least: int = 0, **limits: bool) -> str:
    chain = Chain(dice, model)
    chain.limits = {name: value for name, value in limits.items() if value is not (name == "hopeless")}
    for _ in range(dice.number(least, 2)):
        dice.weighted({Chain.filter: 3, Chain.exclude: 1})(chain)
    return chain.text if chain.text.endswith(")") else f"{chain.text}.all()"


def _set_of_values(dice: Dice) -> str:
    """Unite, intersect or subtract columns of two models."""
    kinds = dice.some(("integer", "text", "integer"), 2)
    models = [dice.pick(("Book", "Author")), dice.pick(("Book", "Author", "Publisher"))]
    parts, first = [], []
    for model in models:
        names = [dice.pick(shape_of(model).of_kind(kind)).name for kind in kinds]
        first = first or names
        parts.append(f"{_filtered(dice, model, hopeless=False)}.values_list({', '.join(map(literal, names))})")
    text = f"{parts[0]}.{_operation(dice)}({parts[1]}{_all(dice)})"
    return text + _set_ending(dice, first)


def _operation(dice: Dice) -> str:
    return dice.weighted({"union": 4, "intersection": 2, "difference": 2})


def _all(dice: Dice) -> str:
    return ", all=True" if dice.chance(0.15) else ""


def _set_ending(dice: Dice, names: list[str]) -> str:
    if len(set(names)) < len(names) or dice.chance(0.3):
        return dice.pick(("", "", ".count()", ".exists()"))
    order = f".order_by({', '.join(map(literal, names))})"
    return order + dice.pick(("", f"[:{dice.number(1, 8)}]", ".reverse()", ".first()"))


def _set_of_rows(dice: Dice) -> str:
    model = dice.pick(("Book", "Author", "Review"))
    # Of a union with nothing, Django gives the other part with its repetitions.
    parts = [_filtered(dice, model, hopeless=False) for _ in range(dice.number(2, 3))]
    ending = dice.pick(
        ("", '.order_by("pk")', '.order_by("-pk")[:4]', ".count()", '.values_list("pk", "id")', ".first()")
    )
    operation = _operation(dice)
    others = parts[1:2] if operation == "difference" else parts[1:]
    return f"{parts[0]}.{operation}({', '.join(others)}){ending}"


def _joined_conditions(dice: Dice) -> str:
    model = dice.pick(("Book", "Author", "Review"))
    operator = dice.weighted({"&": 2, "|": 2, "^": 1})
    # Where one side has no condition, Django still joins what the other one had; and ^ loses rows without relatives.
    near = operator == "^" or dice.chance(0.6)
    parts = [_filtered(dice, model, least=int(not near), near=near, hopeless=False) for _ in range(2)]
    ending = dice.pick(('.order_by("pk")', ".count()", '.exclude(pk=3).order_by("-pk")[:7]', '.values_list("pk")'))
    return f"({parts[0]} {operator} {parts[1]}){ending}"


# --- mistakes ------------------------------------------------------------------------------

_MISTAKES = (
    ".filter(nothing=1)",
    ".filter(pk__nonsense=1)",
    ".order_by('nothing')",
    ".values('nothing')",
    ".values_list('pk', 'id', flat=True)",
    "[:3].filter(pk=1)",
    "[:3].order_by('pk')",
    "[:3].distinct().count()",
    "[-1]",
    "[:-1]",
    "[500]",
    ".order_by('pk')[:3].last()",
    "[:3].reverse()",
    ".annotate(id=F('pk'))",
    ".annotate(x=Sum('nothing'))",
    ".annotate(x=F('nothing__pk'))",
    ".aggregate(Sum(F('pk') + 1))",
    ".aggregate(Count('pk', default=0))",
    ".annotate(n=Count('pk', distinct=True)).annotate(m=Sum('n'))",
    ".annotate(n=Count('pk', distinct=True)).aggregate(Sum('n'))",
    ".dates('pk', 'year')",
    ".in_bulk(field_name='nothing')",
    "[:2].in_bulk([1])",
    ".get(pk=-1)",
    ".get(pk__in=[1, 2])",
    ".earliest()",
    ".latest('nothing')",
    ".values('pk').contains(3)",
    ".union(Tag.objects.all()).filter(pk=1)",
    ".union(Tag.objects.all()).annotate(x=F('pk'))",
    ".union(Tag.objects.all()).exclude(pk=1)",
    ".union(Tag.objects.all()).distinct()",
    ".filter(pk__in=Tag.objects.values('pk', 'label'))",
    ".filter(pk=Tag.objects.all())",
    ".annotate(x=Subquery(Tag.objects.values('pk', 'label')[:1]))",
    ".annotate(x=Substr('pk', 0))",
    ".filter(F('pk'))",
    ".filter(1)",
    ".exclude(pk__year=3)",
    ".annotate(x=OuterRef('pk'))",
    ".filter(pk=OuterRef('pk'))",
    ".annotate(x=F('pk') + Value('a'))",
    ".annotate(x=Case(When(pk=1, then=Value(1)), default=Value('a')))",
    ".only('nothing')",
    ".select_related('nothing')",
    ".annotate(x=Window(Rank(), order_by='nothing'))",
    ".first('pk')",
    ".iterator(chunk_size=0)",
)


def _wrong(dice: Dice) -> str:
    """Make a mistake that both sides should find."""
    chain = _stepped(dice, most=1)
    return f"{chain.text}.all(){dice.pick(_MISTAKES)}"
