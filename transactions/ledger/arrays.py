"""Python values as Postgres array literals, so that a column of a thousand rows is one parameter.

psycopg would adapt a list element by element. That takes longer than the rest of a posting.
"""

from collections.abc import Iterable
from datetime import date, datetime

from django.db.models import BooleanField, F, Func, Value

_INT64 = 2**63
Element = int | str | date | datetime | None


def array_literal(values: Iterable[Element], *, of: str) -> str:
    """An array literal with the values, for `%s::bigint[]`, `::smallint[]`, `::text[]`, `::date[]`, `::timestamptz[]`.

    `of` is the element type. None becomes NULL.
    """
    render = {"text": _text, "timestamptz": _moment, "date": _moment}.get(of, str)
    return "{" + ",".join(["NULL" if value is None else render(value) for value in values]) + "}"  # type: ignore[operator]


def among(field: str, ids: Iterable[int]) -> Func:
    """A condition for `filter(among("id", ids))`. It passes all ids as one parameter.

    `id__in` with a list would pass one parameter per id, and with a subquery the planner would read the whole table.
    """
    return Func(
        F(field),
        Value(array_literal(ids_fitting(ids), of="bigint")),
        template="%(expressions)s::bigint[])",
        arg_joiner=" = ANY(",
        output_field=BooleanField(),
    )


def ids_fitting(ids: Iterable[int]) -> list[int]:
    """The ids that fit into 64 bits; Postgres would refuse the others. Nothing has such an id.

    Django's `id__in` leaves them out in the same way.
    """
    return [id_ for id_ in ids if -_INT64 <= id_ < _INT64]


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _moment(value: date) -> str:
    return f'"{value.isoformat()}"'
