"""Adds when the owner locked an account. The rule holds for new rows at once; the next migration checks the old ones, so
that nothing here locks the table for long."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0006_guess_budgets_and_security_log"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="locked_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        AddConstraintNotValid(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("locked_at", None), ("is_active", False), _connector="OR"),
                name="user_locked_is_inactive",
            ),
        ),
    ]
