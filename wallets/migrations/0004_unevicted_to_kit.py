"""Moves the model `Unevicted` to `kit`. The table stays as it is; only Django's state changes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("kit", "0001_initial"),
        ("wallets", "0003_owed_wallets"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="Unevicted")]),
    ]
