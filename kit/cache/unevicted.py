"""Names that a writer changed and could not fence. While one is on record, nobody trusts the cache."""

from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models.functions import Now

from kit.cache.outage import OUTAGE
from kit.models import Unevicted

#: How many names one sweep takes at once.
BATCH = 1_000


def names_note(names: Collection[str]) -> None:
    """In the writer's own transaction: the note and the change are committed together, or neither.

    Sorted, so that two writers who note the same names queue up instead of deadlocking.
    """
    Unevicted.objects.bulk_create(
        [Unevicted(name=name, at=Now()) for name in sorted(names)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at"],
        batch_size=BATCH,
    )


def names_noted(names: Collection[str] | None = None) -> bool:
    """Whether any of these names is on record; or anything at all, an outage too."""
    noted = Unevicted.objects.all() if names is None else Unevicted.objects.filter(name__in=names)
    return noted.exists()


def names_take() -> Sequence[str]:
    """Some of the names, off the record if this database transaction commits; an outage goes with them.

    The lock stops a writer from noting a name anew between the eviction and the deletion of its old note: it waits,
    and notes it after all. SKIP LOCKED passes by the names that a writer or another sweep is at.
    """
    assert transaction.get_connection().in_atomic_block  # noqa: S101 - or the lock would be gone at once
    names = list(
        Unevicted.objects.order_by("name").select_for_update(skip_locked=True).values_list("name", flat=True)[:BATCH]
    )
    Unevicted.objects.filter(name__in=names).delete()
    return [name for name in names if name != OUTAGE]
