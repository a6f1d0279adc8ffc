"""Pressing TAB in a notebook: fields, relations, lookups, aliases and tables, and never a second question for them."""

from __future__ import annotations

import pytest
import shop
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from shop import User
from targets import Target
from traitlets.config import Config

import multidb_explorer as mdb
from multidb_explorer.connections.registry import databases
from multidb_explorer.connections.tracing import statements
from multidb_explorer.controllers.completion import complete

OWN = ["id", "name", "country", "score", "boss_id"]


@pytest.fixture
def legacy(tmp_path):
    return shop.make("legacy", f"sqlite:///{tmp_path}/legacy.db")


@pytest.fixture
def variables(legacy):
    orders = mdb.reflect("orders", using="legacy")
    return {
        "mdb": mdb,
        "User": User,
        "Orders": orders,
        "rich": User.objects.annotate(twice=mdb.F("score") * 2),
        "Q": mdb.Q,
        "F": mdb.F,
        "Count": mdb.Count,
        "models": {"user": User},
    }


@pytest.fixture(scope="module")
def any_shell():
    config = Config()
    config.HistoryManager.enabled = False
    yield InteractiveShell.instance(config=config)
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(any_shell, variables):
    """Give a shell with the extension and some variables."""
    any_shell.reset(new_session=False)
    any_shell.run_line_magic("load_ext", "multidb_explorer")
    any_shell.user_ns.update(variables)
    yield any_shell
    any_shell.run_line_magic("unload_ext", "multidb_explorer")


def tab(shell, code):
    """Press TAB at the end of some code."""
    with provisionalcompleter():
        return [completion.text for completion in shell.Completer.completions(code, len(code))]


def offered(code, variables):
    found = complete(code, variables)
    return [] if found is None else [word for word in found.words if word not in ("Q", "F", "Count")]


# Keywords


@pytest.mark.parametrize("method", ["filter", "exclude", "get"])
def test_fields_and_relations_are_offered_as_keywords(variables, method):
    found = offered(f"Orders.objects.{method}(", variables)

    assert found[:4] == ["id=", "user_id=", "total=", "placed="]
    assert {"pk=", "user__", "order_lines__"} <= set(found)
    assert offered(f"Orders.objects.{method}(pl", variables) == ["placed="]


def test_lookups_are_those_of_the_kind(variables):
    texts = offered("User.objects.filter(country__", variables)
    numbers = offered("User.objects.filter(score__", variables)
    moments = offered("Orders.objects.filter(placed__", variables)

    assert {"country__icontains=", "country__in=", "country__isnull="} <= set(texts)
    assert {"score__gt=", "score__range="} <= set(numbers)
    assert "score__icontains=" not in numbers
    assert {"placed__year=", "placed__date=", "placed__lt="} <= set(moments)
    assert "placed__contains=" not in moments
    assert {"placed__year__gte=", "placed__year__in="} <= set(
        offered("Orders.objects.filter(placed__year__", variables)
    )


def test_relations_lead_on(variables):
    assert {"user__name=", "user__country=", "user__isnull="} <= set(offered("Orders.objects.filter(user__", variables))
    assert offered("Orders.objects.filter(user__country__ico", variables) == ["user__country__icontains="]
    assert offered("Orders.objects.filter(nothing__", variables) == []


@pytest.mark.parametrize(
    "code",
    [
        "User.objects.filter(sco",
        "User.objects.filter(country='FR').exclude(sco",
        "User.objects.using('legacy').all()[:5].filter(sco",
        "User.objects.filter(country='a)(\\'', name=f(1, [2])).filter(sco",
        "print(len(User.objects.filter(sco",
        "x = [User.objects.get(sco",
        "(User.objects\n    .exclude(id=1)  # not (the first\n    .filter(\n        sco",
        "User.objects.filter(Q(sco",
        "User.objects.filter(Q(id=1) | ~Q(sco",
        "User.objects.filter((Q(id=1) | Q(name='x')) & Q(sco",
        "User.objects.annotate(n=Count('id', filter=Q(sco",
        "models['user'].objects.filter(sco",
        "rich.filter(sco",
        "for user in User.objects.filter(id=1, sco",
    ],
)
def test_the_cursor_may_stand_anywhere_in_a_chain(variables, code):
    assert offered(code, variables) == ["score="]


def test_computed_columns_are_fields_too(variables):
    assert offered("rich.filter(tw", variables) == ["twice="]
    assert offered("User.objects.annotate(double=F('score')).filter(do", variables) == ["double="]
    assert offered("User.objects.annotate(double=F('score')).order_by('do", variables) == ["double"]


@pytest.mark.parametrize(
    "code",
    [
        "User.objects.filter(country=na",
        "User.objects.filter('na",
        "User.objects.filter(1 + na",
        "User.objects.count(na",
        "print(na",
        "{'a': na",
        "na",
        "User.objects.filter(country='FR') + na",
        "User.objects.filter(*na",
        "unknown.objects.filter(na",
        "# User.objects.filter(na",
        "'User.objects.filter(na",
        "User.objects.filter(na)",
        ")](",
        "",
    ],
)
def test_nothing_is_offered_where_no_field_can_stand(variables, code):
    assert offered(code, variables) == []


# Texts


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("User.objects.order_by('", OWN),
        ("User.objects.order_by('-sc", ["-score"]),
        ("User.objects.values('id', 'co", ["country"]),
        ("User.objects.values_list('co", ["country"]),
        ("User.objects.only('co", ["country"]),
        ('User.objects.defer("co', ["country"]),
        ("User.objects.value_counts('co", ["country"]),
        ("Orders.objects.values('user__co", ["user__country"]),
        ("User.objects.filter(score__gt=F('sc", ["score"]),
        ("User.objects.aggregate(Count('co", ["country"]),
        ("Orders.objects.select_related('", ["user"]),
        ("Orders.objects.prefetch_related('order", ["order_lines"]),
    ],
)
def test_texts_that_name_fields_are_completed(variables, code, found):
    words = offered(code, variables)

    assert [word for word in words if not word.endswith("__")] == found


@pytest.mark.parametrize(
    "code",
    [
        "mdb.aliases['",
        'mdb.aliases["',
        "User.objects.using('",
        "User.objects.filter(id=1).using('",
        "User.objects.across('legacy', '",
        "user.save(using='",
        "get_user(1).delete(cascade=True, using='",
        "mdb.reflect('orders', using='",
        "with mdb.atomic('",
    ],
)
def test_aliases_are_completed(variables, code):
    mdb.connect("crm", "sqlite://")

    assert offered(code, variables) == ["legacy", "crm"]
    assert offered(f"{code}cr", variables) == ["crm"]


def test_tables_are_completed(variables, legacy):
    databases.connect("default", legacy.url.render_as_string())

    assert offered("mdb.aliases['legacy'].tables['", variables) == ["order_lines", "orders", "users"]
    assert offered("mdb.reflect('ord", variables) == ["order_lines", "orders"]
    assert mdb.aliases["legacy"].tables._ipython_key_completions_() == ["order_lines", "orders", "users"]
    assert "legacy" in mdb.aliases._ipython_key_completions_()


# What it costs


def test_the_second_tab_asks_no_database(url: str, target: Target):
    legacy = shop.make("legacy", url)
    found = {"Orders": mdb.reflect("orders", using="legacy"), "User": User, "mdb": mdb}
    typed = [
        "Orders.objects.filter(user__boss__",
        "Orders.objects.filter(placed__",
        "Orders.objects.order_by('user__",
        "User.objects.filter(",
        "mdb.aliases['legacy'].tables['",
    ]

    first = [offered(code, found) for code in typed]
    with statements(legacy) as sent:
        assert [offered(code, found) for code in typed] == first
    assert sent == []
    assert all(first)


def test_fields_of_a_declared_model_need_no_database_at_all(tmp_path):
    mdb.connect("legacy", f"sqlite:///{tmp_path}/absent.db")

    assert offered("User.objects.filter(na", {"User": User}) == ["name="]
    assert databases["legacy"].state in ("idle", "failed")


def test_a_failing_database_is_asked_once_and_disturbs_nobody(tmp_path, variables, capsys, monkeypatch):
    mdb.connect("gone", "postgresql://ann:secret@127.0.0.1:1/shop")
    tries = []
    monkeypatch.setattr(
        type(databases["gone"].backend), "connect_arguments", lambda self, given: tries.append(1) or given
    )
    code = "Orders.objects.using('gone').filter(user__"

    assert offered(code, variables) == offered(code, variables) == []
    assert offered("Orders.objects.using('gone').filter(to", variables) == ["total="]
    assert len(tries) <= 1
    assert capsys.readouterr() == ("", "")


def test_nothing_of_the_user_is_run(variables):
    class Trap:
        @property
        def objects(self):
            raise AssertionError("run")

        def __getattr__(self, name):
            raise AssertionError("run")

        def __getitem__(self, key):
            raise AssertionError("run")

        def __call__(self):
            raise AssertionError("run")

    variables["trap"] = Trap()
    for code in (
        "trap.objects.filter(na",
        "trap.users.filter(na",
        "trap['a'].filter(na",
        "trap().filter(na",
        "trap['a",
    ):
        assert offered(code, variables) == []


def test_a_cell_that_makes_no_sense_is_no_problem(variables):
    for code in ("User.objects.filter(" * 200, "((((((" * 500, "User..objects.filter(na", "lambda: (yield", "\x00("):
        offered(code, variables)


# In the notebook


def test_the_shell_offers_ours_and_nothing_else_among_them(shell):
    assert tab(shell, "User.objects.filter(na") == ["name="]
    found = tab(shell, "User.objects.filter(")
    assert found[:5] == [f"{name}=" for name in OWN]
    assert "print" not in found
    assert tab(shell, "User.objects.order_by('-sc") == ["-score"]
    assert tab(shell, "(User.objects\n  .filter(id=1)\n  .order_by('cou") == ["country"]


def test_the_shell_completes_everything_else_as_before(shell):
    shell.user_ns["navigation"] = 1

    assert "navigation" in tab(shell, "navi")
    assert "navigation" in tab(shell, "User.objects.filter(country=navi")


def test_unloading_takes_the_completion_away(shell):
    shell.run_line_magic("reload_ext", "multidb_explorer")
    assert tab(shell, "User.objects.filter(na") == ["name="]
    shell.run_line_magic("unload_ext", "multidb_explorer")
    assert "name=" not in tab(shell, "User.objects.filter(na")
    shell.run_line_magic("load_ext", "multidb_explorer")


def test_what_a_queryset_offers_is_its_own(variables):
    public = {name for name in dir(User.objects) if not name.startswith("_")}

    assert {"filter", "across", "describe", "sample", "value_counts", "plot", "raw"} <= public
    assert not public & {"pandas", "replace", "cast", "databases"}
