from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The site goes on posting while the index is built.
    atomic = False

    dependencies = [
        ("transactions", "0010_funding_guards"),
    ]

    operations = [
        migrations.AddField(
            model_name="transaction",
            name="by_email",
            field=models.BooleanField(db_default=False, default=False),
        ),
        AddIndexConcurrently(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("kind", "transfer")), fields=["source", "destination"], name="transaction_pair"
            ),
        ),
    ]
