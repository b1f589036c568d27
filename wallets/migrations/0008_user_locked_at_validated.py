from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0007_user_locked_at"),
    ]

    operations = [
        ValidateConstraint(model_name="user", name="user_locked_is_inactive"),
    ]
