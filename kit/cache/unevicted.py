"""Names that a writer changed and could not fence. While one of them is recorded, nobody trusts the cache."""

from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models.functions import Now

from kit.cache.outage import OUTAGE
from kit.models import Unevicted

#: How many names one sweep takes, and how many rows one statement inserts.
BATCH = 1_000


def names_note(names: Collection[str]) -> None:
    """Records the names in the writer's own transaction, so that the record and the change are committed together.

    The names are sorted so that two writers of the same names wait for each other instead of deadlocking.
    """
    Unevicted.objects.bulk_create(
        [Unevicted(name=name, at=Now()) for name in sorted(names)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at"],
        batch_size=BATCH,
    )


def names_noted(names: Collection[str] | None = None) -> bool:
    """Whether any of these names is recorded. Without `names`: whether anything is, including an outage."""
    noted = Unevicted.objects.all() if names is None else Unevicted.objects.filter(name__in=names)
    return noted.exists()


def names_take() -> Sequence[str]:
    """Returns some recorded names and deletes their records, if the current database transaction commits. The record of
    an outage is deleted with them.

    Race: a writer records a name again between the eviction and the deletion of the old record. The row lock makes the
    writer wait, and its record is then inserted anew. SKIP LOCKED passes by names that a writer or another sweep holds.
    """
    assert transaction.get_connection().in_atomic_block  # noqa: S101 - otherwise the locks end with the SELECT
    names = list(
        Unevicted.objects.order_by("name").select_for_update(skip_locked=True).values_list("name", flat=True)[:BATCH]
    )
    Unevicted.objects.filter(name__in=names).delete()
    return [name for name in names if name != OUTAGE]
