"""The tables of the demo: a shop, its users in the old and the new place, an archive and a warehouse."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Date, DateTime, Float, ForeignKey, Integer, Numeric, String, Text
from sqlalchemy.schema import CreateView

__all__ = ["archive", "crm", "shop", "warehouse"]


def shop() -> sa.MetaData:
    """Describe what is sold and who bought it; the buyers themselves live in another database.

    Examples
    --------
    >>> sorted(shop().tables)
    ['categories', 'order_items', 'orders', 'price_list', 'products']
    """
    tables = sa.MetaData()
    categories = sa.Table(
        "categories",
        tables,
        Column("id", Integer, primary_key=True),
        Column("name", String(40), nullable=False, unique=True),
        Column("parent_id", ForeignKey("categories.id")),
    )
    products = sa.Table(
        "products",
        tables,
        Column("id", Integer, primary_key=True),
        Column("sku", String(12), nullable=False, unique=True),
        Column("name", String(80), nullable=False),
        Column("category_id", ForeignKey("categories.id"), nullable=False, index=True),
        Column("price", Numeric(10, 2), nullable=False),
        Column("weight_kg", Float),
        Column("in_stock", Integer, nullable=False, server_default="0"),
        Column("active", Boolean, nullable=False),
        Column("launched_on", Date),
    )
    _orders(tables)
    sa.Table(
        "order_items",
        tables,
        Column("order_id", ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True),
        Column("line", Integer, primary_key=True),
        Column("product_id", ForeignKey("products.id"), nullable=False, index=True),
        Column("quantity", Integer, nullable=False),
        Column("unit_price", Numeric(10, 2), nullable=False),
    )
    _price_list(tables, products, categories)
    return tables


def _price_list(tables: sa.MetaData, products: sa.Table, categories: sa.Table) -> None:
    columns = (products.c.sku, products.c.name, categories.c.name.label("category"), products.c.price)
    joined = products.join(categories, products.c.category_id == categories.c.id)
    CreateView(sa.select(*columns).select_from(joined).where(products.c.active), "price_list", metadata=tables)


def _orders(tables: sa.MetaData) -> None:
    sa.Table(
        "orders",
        tables,
        Column("id", Integer, primary_key=True),
        Column("user_id", Integer, nullable=False, index=True),
        Column("ordered_at", DateTime, nullable=False, index=True),
        Column("status", String(10), nullable=False),
        Column("total", Numeric(10, 2), nullable=False),
        Column("voucher", String(12)),
        Column("comment", Text),
    )


def crm(*, longest_name: int = 80, log: bool = True) -> sa.MetaData:
    """Describe the users and what belongs to them.

    Parameters
    ----------
    longest_name
        How many characters of a last name are kept; the new place is stricter than the old one.
    log
        Whether there are a table without a key and a view as well.

    Examples
    --------
    >>> sorted(crm().tables)
    ['addresses', 'login_log', 'notes', 'recent_users', 'users']
    """
    tables = sa.MetaData()
    users = _users(tables, longest_name)
    sa.Table(
        "addresses",
        tables,
        Column("id", Integer, primary_key=True),
        Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
        Column("kind", String(8), nullable=False),
        Column("street", String(80), nullable=False),
        Column("postcode", String(12)),
        Column("city", String(40), nullable=False),
        Column("country", String(2), nullable=False),
        sa.UniqueConstraint("user_id", "kind"),
    )
    sa.Table(
        "notes",
        tables,
        Column("id", Integer, primary_key=True),
        Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
        Column("written_at", DateTime, nullable=False),
        Column("author", String(20), nullable=False),
        Column("body", Text, nullable=False),
    )
    if log:
        _log(tables, users)
    return tables


def _log(tables: sa.MetaData, users: sa.Table) -> None:
    sa.Table(
        "login_log",
        tables,
        Column("at", DateTime, nullable=False),
        Column("user_id", Integer, nullable=False),
        Column("device", String(12)),
        Column("succeeded", Boolean, nullable=False),
    )
    columns = (users.c.id, users.c.first_name, users.c.last_name, users.c.country, users.c.last_seen)
    recent = sa.select(*columns).where(users.c.last_seen >= dt.datetime.fromisoformat("2025-01-01"))
    CreateView(recent, "recent_users", metadata=tables)


def _users(tables: sa.MetaData, longest_name: int) -> sa.Table:
    return sa.Table(
        "users",
        tables,
        Column("id", Integer, primary_key=True),
        Column("email", String(120), nullable=False, unique=True),
        Column("first_name", String(40), nullable=False),
        Column("last_name", String(longest_name), nullable=False),
        Column("country", String(2), nullable=False, index=True),
        Column("city", String(40)),
        Column("phone", String(24)),
        Column("birth_date", Date),
        Column("registered_at", DateTime, nullable=False),
        Column("last_seen", DateTime),
        Column("credit", Numeric(10, 2), nullable=False),
        Column("points", Integer),
        Column("rating", Float),
        Column("newsletter", Boolean),
        Column("preferences", sa.JSON(none_as_null=True)),
        Column("bio", Text),
    )


def archive() -> sa.MetaData:
    """Describe what was put away: closed accounts and the orders of earlier years.

    Examples
    --------
    >>> sorted(archive().tables)
    ['orders', 'users']
    """
    tables = sa.MetaData()
    _users(tables, 80)
    _orders(tables)
    return tables


def warehouse() -> sa.MetaData:
    """Describe a fact table and its dimension.

    Examples
    --------
    >>> sorted(warehouse().tables)
    ['countries', 'revenue', 'sales']
    """
    tables = sa.MetaData()
    sa.Table(
        "countries",
        tables,
        Column("code", String(2), primary_key=True),
        Column("name", String(40), nullable=False),
        Column("region", String(20), nullable=False),
        Column("currency", String(3), nullable=False),
    )
    sales = sa.Table(
        "sales",
        tables,
        Column("sale_id", sa.BigInteger, primary_key=True, autoincrement=False),
        Column("sold_on", Date, nullable=False),
        Column("country", ForeignKey("countries.code"), nullable=False),
        Column("channel", String(8), nullable=False),
        Column("sku", String(12), nullable=False),
        Column("category", String(40), nullable=False),
        Column("quantity", Integer, nullable=False),
        Column("unit_price", Numeric(10, 2), nullable=False),
        Column("discount", Numeric(4, 2)),
        Column("revenue", Numeric(12, 2), nullable=False),
        Column("returned", Boolean, nullable=False),
    )
    _revenue(tables, sales)
    return tables


def _revenue(tables: sa.MetaData, sales: sa.Table) -> None:
    year = sa.extract("year", sales.c.sold_on)
    total = sa.cast(sa.func.sum(sales.c.revenue), Numeric(14, 2))
    columns = (year.label("year"), sales.c.country, sa.func.count().label("sales"), total.label("revenue"))
    CreateView(sa.select(*columns).group_by(year, sales.c.country), "revenue", metadata=tables)
