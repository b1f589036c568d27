from django.apps import AppConfig


class WalletsConfig(AppConfig):
    name = "wallets"
    verbose_name = "People and wallets"

    def ready(self) -> None:
        from wallets.auth import factor_events, reauthentication  # noqa: PLC0415 - they need the models

        factor_events.connect()
        reauthentication.connect()
