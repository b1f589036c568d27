"""What processes must agree on: the leases of Snowflake node numbers, and the assertions that were used."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from wallets.domain.ids import NODES


class NodeLease(models.Model):
    """Until when (milliseconds of Unix time) a Snowflake node number is leased. The next lease starts there."""

    node = models.SmallIntegerField(primary_key=True)
    until_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(node__gte=0, node__lt=NODES), name="nodelease_node_range"),
        ]

    def __str__(self) -> str:
        return f"node {self.node}"


class UsedNonce(models.Model):
    """The nonce of a web process's assertion that has authorised a write (`wallets.auth.wallet_service.nonces`)."""

    nonce = models.UUIDField(primary_key=True)
    used_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.nonce)
