"""The label of a kind of proposal begins with a capital letter, as the others do."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transactions", "0013_limits")]

    operations = [
        migrations.AlterField(
            model_name="proposal",
            name="kind",
            field=models.CharField(
                choices=[("deposit", "Deposit"), ("payout_return", "Return of a pay-out")], max_length=13
            ),
        )
    ]
