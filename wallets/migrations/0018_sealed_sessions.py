"""Postgres stores no session whose contents can be read."""

from typing import Any

from django.db import migrations, models
from django.db.models import Q


def readable_delete(apps: Any, schema_editor: Any) -> None:
    """Ends sessions of unreleased versions, which stored their contents in plain text. Migration 0017 seals all that it
    moves."""
    apps.get_model("wallets", "BrowserSession").objects.exclude(data__startswith="sealed:1:").delete()


class Migration(migrations.Migration):
    dependencies = [("wallets", "0017_sessions")]

    operations = [
        migrations.RunPython(readable_delete, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="browsersession",
            constraint=models.CheckConstraint(
                condition=Q(data__startswith="sealed:1:"), name="browsersession_data_is_sealed"
            ),
        ),
    ]
