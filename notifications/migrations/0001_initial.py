"""The queue of mails."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Mail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Queued"), ("sent", "Sent"), ("undeliverable", "Undeliverable")],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("sender", models.TextField()),
                (
                    "recipients",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None),
                ),
                ("subject", models.TextField(blank=True)),
                ("content", models.BinaryField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("not_before", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("last_error", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "permissions": [("decide_mail", "Can send undeliverable mails again and give up queued ones")],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(condition=models.Q(("state", "queued")), fields=["not_before"], name="mail_due"),
                    models.Index(
                        condition=models.Q(("content__isnull", False)), fields=["expires_at"], name="mail_with_content"
                    ),
                    models.Index(
                        condition=models.Q(("state", "undeliverable")), fields=["id"], name="mail_undeliverable"
                    ),
                    django.contrib.postgres.indexes.GinIndex(fields=["recipients"], name="mail_recipients"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["queued", "sent", "undeliverable"])),
                        name="mail_state_known",
                    ),
                    # Rule: a mail that waits has something to send.
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "queued"), _negated=True),
                            models.Q(("content__isnull", False), ("finished_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="mail_queued_has_content",
                    ),
                    # Rule: nobody can read the links of a mail that was sent.
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "sent"), _negated=True), ("content__isnull", True), _connector="OR"
                        ),
                        name="mail_sent_has_no_content",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "queued"), ("finished_at__isnull", False), _connector="OR"),
                        name="mail_finished_has_time",
                    ),
                ],
            },
        ),
    ]
