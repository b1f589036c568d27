"""`manage.py factor_secrets_rotate` seals the secrets of all second factors with the newest key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from wallets.auth.factors.rotation import factor_secrets_rotate


class Command(BaseCommand):
    """Replaces the key of the second factors' secrets."""

    help = (
        "Seals the secrets of all second factors with the newest of FACTOR_KEYS. Run it after the site's processes "
        "have restarted with the new key. The old key can go afterwards. A run may be stopped and repeated."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        rotated = factor_secrets_rotate()
        self.stdout.write(f"{rotated.renewed:,} sealed with the newest key, {rotated.current:,} had been already.")
        if rotated.unreadable:
            ids = ", ".join(map(str, rotated.unreadable[:20]))
            raise CommandError(
                f"{len(rotated.unreadable):,} cannot be read, among them the factors {ids}. The log says why. Add the "
                "missing key to FACTOR_KEYS and run this again, or remove these factors in the admin."
            )
