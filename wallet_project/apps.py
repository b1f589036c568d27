from django.apps import AppConfig


class WiringConfig(AppConfig):
    name = "wallet_project"
    verbose_name = "Wiring"

    def ready(self) -> None:
        from wallet_project import checks, server_checks  # noqa: F401, PLC0415 - importing registers them
