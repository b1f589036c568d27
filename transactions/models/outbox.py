"""The outbox of settled transactions."""

from django.db import models

from transactions.models.ledger import Transaction
from wallets.models import Wallet


class SettledEvent(models.Model):
    """The outbox: one row per event that Kafka has not acknowledged yet.

    A posted transaction has one event for each of its wallets that has an owner; a failed one has one for its source
    wallet. Database triggers write the rows, in the commit that settles the transaction, while `manage.py
    settled_events on` is in effect. The relay deletes a row when Kafka has acknowledged its event. `position` is taken
    under the wallet's lock, so that a wallet's events are in the order of its commits.
    """

    position = models.BigAutoField(primary_key=True)
    # No foreign keys in the database: checking them would cost more than writing the row. The triggers take both ids
    # from existing rows, only they may insert, and neither transactions nor wallets are ever deleted.
    transaction = models.ForeignKey(
        Transaction, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)

    class Meta:
        # Nobody adds, changes or deletes an event in the admin.
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.transaction_id} for {self.wallet_id}"
