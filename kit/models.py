"""The only table that infrastructure keeps: names that writers could not evict from the cache."""

from django.db import models


class Unevicted(models.Model):
    """A cached object that changed while its writer could not reach Redis. Nobody trusts the cache until it is evicted.

    The empty name stands for the outage itself.
    """

    name = models.CharField(max_length=255, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        # The table was created when the model was part of `wallets`.
        db_table = "wallets_unevicted"
        verbose_name = "unevicted name"

    def __str__(self) -> str:
        return self.name
