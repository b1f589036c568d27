"""API tokens and the ceilings of what they may pay."""

from datetime import UTC, date, datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from knox.models import AbstractAuthToken

from wallets.domain.currencies import CURRENCIES
from wallets.domain.mandates import Ceiling, Scope
from wallets.domain.money import AMOUNT_MAX, AMOUNT_MIN

_SCOPE_LENGTH_MAX = 20


class ApiToken(AbstractAuthToken):
    """A bearer token. It is stored as a hash, named by its owner, and can be revoked on its own.

    Its scopes and ceilings never change: whoever wants others creates another token.
    """

    name = models.CharField(max_length=80, default="", blank=True)
    scopes = ArrayField(models.CharField(max_length=_SCOPE_LENGTH_MAX), editable=False)
    #: When it was last used, to the hour, and from which client address (over gRPC with IPv6: from which network).
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_used_from = models.GenericIPAddressField(null=True, editable=False)
    #: When its owner was asked whether to keep it, because second factors or the email had changed. None: there is no
    #: open question.
    questioned_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        app_label = "wallets"
        verbose_name = "API token"
        constraints = [
            # Rule: every token may read, and has only scopes that exist.
            models.CheckConstraint(
                condition=Q(scopes__contains=[Scope.READ.value])
                & Q(scopes__contained_by=[scope.value for scope in Scope]),
                name="apitoken_scopes_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.name}"

    @property
    def ceilings_today(self) -> list[Ceiling]:
        """Its ceilings, by currency, with what it has paid today."""
        today = datetime.now(UTC).date()
        return sorted((row.on(today) for row in self.ceilings.all()), key=lambda ceiling: ceiling.currency)


class TokenCeiling(models.Model):
    """How much a token may pay in one currency, in minor units, and what it has paid today (in UTC).

    Only the function `token_issue` inserts rows. They are deleted with their token, by the database, so nobody needs a
    right to delete them and so lift a ceiling. `wallets.tokens.ceilings` counts.
    """

    # The migration adds the foreign key, because Django's has no ON DELETE CASCADE.
    token = models.ForeignKey(
        ApiToken, on_delete=models.DO_NOTHING, related_name="ceilings", db_constraint=False, db_index=False
    )
    currency = models.CharField(max_length=3)
    #: None: any amount.
    per_payment = models.BigIntegerField(null=True)
    per_day = models.BigIntegerField(null=True)
    #: What was paid on `day`.
    spent = models.BigIntegerField(default=0)
    day = models.DateField(null=True)

    class Meta:
        app_label = "wallets"
        constraints = [
            models.UniqueConstraint(fields=["token", "currency"], name="tokenceiling_one_per_currency"),
            models.CheckConstraint(condition=Q(currency__in=list(CURRENCIES)), name="tokenceiling_currency_known"),
            # Rule: a ceiling bounds something.
            models.CheckConstraint(
                condition=Q(per_payment__isnull=False, per_payment__range=(AMOUNT_MIN, AMOUNT_MAX))
                | Q(per_payment=None, per_day__isnull=False),
                name="tokenceiling_per_payment_range",
            ),
            models.CheckConstraint(
                condition=Q(per_day__range=(AMOUNT_MIN, AMOUNT_MAX)) | Q(per_day=None),
                name="tokenceiling_per_day_range",
            ),
            # Rule: a token never pays more than its ceiling per day. Without one, nothing is counted.
            models.CheckConstraint(
                condition=Q(spent=0)
                | Q(spent__gt=0, spent__lte=F("per_day"), per_day__isnull=False, day__isnull=False),
                name="tokenceiling_spent_within",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency} of {self.token_id}"

    def on(self, today: date) -> Ceiling:
        """The ceiling with what is spent on this day."""
        return Ceiling(
            currency=self.currency,
            per_payment=self.per_payment,
            per_day=self.per_day,
            spent=self.spent if self.day is not None and self.day >= today else 0,
        )
