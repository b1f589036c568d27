"""Moves the model `Unevicted` here from `wallets`. The table stays as it is; only Django's state changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        # It creates the table.
        ("wallets", "0003_owed_wallets"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Unevicted",
                    fields=[
                        ("name", models.CharField(max_length=255, primary_key=True, serialize=False)),
                        ("at", models.DateTimeField()),
                    ],
                    options={"db_table": "wallets_unevicted", "verbose_name": "unevicted name"},
                ),
            ],
        ),
    ]
