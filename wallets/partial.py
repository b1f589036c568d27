"""Rows of which only some columns are at hand."""

from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

M = TypeVar("M", bound=Model)


def row_of_columns(model: type[M], **columns: Any) -> M:
    """A stored row, of which these columns are known. Any other is read from the database when somebody asks for it."""
    names = [field.attname for field in model._meta.concrete_fields if field.attname in columns]  # noqa: SLF001 - documented
    return model.from_db(DEFAULT_DB_ALIAS, names, [columns[name] for name in names])
