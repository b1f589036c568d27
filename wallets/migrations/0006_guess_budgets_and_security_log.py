"""Adds the budgets of wrong guesses, and the append-only log of security events."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# Rule: nobody changes an event of the log, and nobody deletes one that is younger than a year.
GUARDS = """
CREATE FUNCTION security_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The log of security events is append-only.' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER security_event_unchanged BEFORE UPDATE ON wallets_securityevent
    FOR EACH ROW EXECUTE FUNCTION security_event_refuse();
CREATE TRIGGER security_event_kept BEFORE DELETE ON wallets_securityevent
    FOR EACH ROW WHEN (OLD.at > now() - interval '365 days') EXECUTE FUNCTION security_event_refuse();
CREATE TRIGGER security_event_not_truncated BEFORE TRUNCATE ON wallets_securityevent
    FOR EACH STATEMENT EXECUTE FUNCTION security_event_refuse();
"""
NO_GUARDS = """
DROP TRIGGER security_event_unchanged ON wallets_securityevent;
DROP TRIGGER security_event_kept ON wallets_securityevent;
DROP TRIGGER security_event_not_truncated ON wallets_securityevent;
DROP FUNCTION security_event_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0005_email_in_one_word"),
    ]

    operations = [
        migrations.CreateModel(
            name="GuessBudget",
            fields=[
                ("key", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("full_at", models.DateTimeField()),
                ("noticed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="SecurityEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(editable=False, max_length=30)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("channel", models.CharField(editable=False, max_length=10)),
                ("address", models.GenericIPAddressField(editable=False, null=True)),
                ("user_agent", models.CharField(blank=True, editable=False, max_length=200)),
                ("detail", models.JSONField(default=dict, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "security event",
                "indexes": [
                    models.Index(fields=["user", "-id"], name="securityevent_user"),
                    models.Index(fields=["at"], name="securityevent_at"),
                ],
            },
        ),
        migrations.RunSQL(GUARDS, NO_GUARDS),
    ]
