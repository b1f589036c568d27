"""Browsers' sessions in a table of the site's own, under a hash of their key, with their user and times.

Sessions that are open stay open, and what they contain is sealed. Django's own table is emptied, because its keys sign
in whoever reads them.
"""

import hashlib
from itertools import islice
from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core import signing
from django.db import migrations, models
from django.utils import timezone

from wallets.auth.sessions.data import session_data_seal

GUARD = """
CREATE FUNCTION browser_session_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: no session lasts longer because its times lie in the future. Ten minutes for clocks that differ.
    IF NEW.last_seen_at > now() + interval '10 minutes' OR NEW.signed_in_at > now() + interval '10 minutes' THEN
        RAISE EXCEPTION 'A session is not from the future'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'browsersession_not_from_the_future';
    END IF;
    -- Rule: a user's session never passes to somebody else, and its absolute lifetime never begins anew.
    IF TG_OP = 'UPDATE' AND OLD.user_id IS NOT NULL
       AND (NEW.user_id IS DISTINCT FROM OLD.user_id OR NEW.signed_in_at > OLD.signed_in_at) THEN
        RAISE EXCEPTION 'A session stays with its user and keeps the time of its sign-in'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'browsersession_keeps_its_start';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER browsersession_guarded BEFORE INSERT OR UPDATE ON wallets_browsersession
    FOR EACH ROW EXECUTE FUNCTION browser_session_guard();
"""
#: What signs the data of Django's sessions.
_SALT = "django.contrib.sessions.SessionStore"
_BATCH = 2_000


def sessions_move(apps: Any, schema_editor: Any) -> None:
    """Copies the open sessions of users. Their lifetimes begin now, because older releases did not store when they
    began. Whoever was about to sign in begins again."""
    old, new = apps.get_model("sessions", "Session"), apps.get_model("wallets", "BrowserSession")
    people, now = apps.get_model("wallets", "User").objects, timezone.now()
    rows = old.objects.filter(expire_date__gt=now).values_list("session_key", "session_data").iterator()
    while some := list(islice(rows, _BATCH)):
        named = [(key, contents, _user_id(contents)) for key, data in some if (contents := _contents(data))]
        known = set(people.filter(pk__in=[user_id for _, _, user_id in named if user_id]).values_list("pk", flat=True))
        moved = [(key, contents, user_id) for key, contents, user_id in named if user_id in known]
        new.objects.bulk_create(
            [
                new(
                    key_hash=hashlib.sha256(key.encode()).hexdigest(),
                    data=session_data_seal(signing.JSONSerializer().dumps(contents), session_key=key),
                    user_id=user_id, signed_in_at=now, last_seen_at=now,
                )
                for key, contents, user_id in moved
            ]
        )  # fmt: skip
    old.objects.all().delete()


def _contents(data: str) -> dict[str, Any]:
    try:
        contents: dict[str, Any] = signing.loads(data, salt=_SALT)
    except (signing.BadSignature, ValueError):
        return {}
    return contents


def _user_id(contents: dict[str, Any]) -> int | None:
    try:
        return int(contents[SESSION_KEY])
    except (KeyError, ValueError):
        return None


class Migration(migrations.Migration):
    dependencies = [
        ("sessions", "0001_initial"),
        ("wallets", "0016_sealed_factor_secrets"),
    ]

    operations = [
        migrations.CreateModel(
            name="BrowserSession",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key_hash", models.CharField(editable=False, max_length=64, unique=True)),
                ("data", models.TextField(editable=False)),
                ("signed_in_at", models.DateTimeField(editable=False, null=True)),
                ("last_seen_at", models.DateTimeField(editable=False)),
                ("address", models.GenericIPAddressField(editable=False, null=True)),
                ("user_agent", models.CharField(blank=True, editable=False, max_length=200)),
                (
                    "user",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "browser session",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("signed_in_at__isnull", True), ("user__isnull", True)),
                            models.Q(("signed_in_at__isnull", False), ("user__isnull", False)),
                            _connector="OR",
                        ),
                        name="browsersession_user_signed_in",
                    )
                ],
            },
        ),
        migrations.RunSQL(sql=GUARD, reverse_sql="DROP FUNCTION browser_session_guard CASCADE"),
        migrations.RunPython(sessions_move, migrations.RunPython.noop),
    ]
