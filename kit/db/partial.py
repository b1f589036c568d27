"""Rows of which only some columns are at hand."""

from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

M = TypeVar("M", bound=Model)


def row_of_columns(model: type[M], **columns: Any) -> M:
    """A stored row, of which these columns are known. Any other is read from the database when somebody asks for it."""
    names = _in_order(model, frozenset(columns))
    return model.from_db(DEFAULT_DB_ALIAS, names, [columns[name] for name in names])


@cache
def _in_order(model: type[Model], names: frozenset[str]) -> list[str]:
    """As the model declares its fields."""
    return [field.attname for field in model._meta.concrete_fields if field.attname in names]  # noqa: SLF001 - documented
