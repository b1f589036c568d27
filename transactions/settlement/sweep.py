"""Finding what was never woken, straight from the table."""

from django.db.models import Q
from django.utils import timezone

from transactions.models import Job


def partitions_waiting() -> list[int]:
    """The partitions with a job that could be settled now."""
    ready = Q(not_before__isnull=True) | Q(not_before__lte=timezone.now())
    waiting = Job.objects.filter(ready, dead_at__isnull=True)
    return sorted(waiting.order_by().values_list("partition", flat=True).distinct())
