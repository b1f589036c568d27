"""API tokens."""

from django.db import models
from knox.models import AbstractAuthToken


class ApiToken(AbstractAuthToken):
    """A bearer token. It is stored as a hash, named by its owner, and can be revoked on its own."""

    name = models.CharField(max_length=80, default="", blank=True)

    class Meta:
        app_label = "wallets"
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.user} {self.name}"
