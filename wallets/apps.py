from django.apps import AppConfig


class WalletsConfig(AppConfig):
    name = "wallets"
    verbose_name = "People and wallets"

    def ready(self) -> None:
        from wallets.auth import reauthentication  # noqa: PLC0415 - they need the models
        from wallets.auth.factors import events as factor_events  # noqa: PLC0415

        factor_events.connect()
        reauthentication.connect()
