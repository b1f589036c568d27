"""Deferred rows: model instances of which only some columns are loaded."""

from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

M = TypeVar("M", bound=Model)


def deferred_row(model: type[M], **columns: Any) -> M:
    """Makes an instance of a stored row from the given columns. Django loads any other column when it is first used."""
    names = _in_order(model, frozenset(columns))
    return model.from_db(DEFAULT_DB_ALIAS, names, [columns[name] for name in names])


@cache
def _in_order(model: type[Model], names: frozenset[str]) -> list[str]:
    """The names in the order in which the model declares its fields, as `from_db` requires."""
    return [field.attname for field in model._meta.concrete_fields if field.attname in names]  # noqa: SLF001 - documented
