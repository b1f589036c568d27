from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0008_user_locked_at_validated"),
    ]

    operations = [
        migrations.CreateModel(
            name="UsedNonce",
            fields=[
                ("nonce", models.UUIDField(primary_key=True, serialize=False)),
                ("used_at", models.DateTimeField(db_default=Now())),
            ],
        ),
    ]
