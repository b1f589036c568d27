"""Seals the secrets of second factors that an earlier release stored in plain text. From now on none is read or kept.

It needs the site's SECRET_KEY and FACTOR_KEYS, like every process.
"""

from typing import Any

from django.db import migrations

from wallets.auth.factors.secrets import SECRET_FIELDS, data_seal

SEALED = """
CREATE OR REPLACE FUNCTION factor_secret_written() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    field text := CASE NEW.type WHEN 'totp' THEN 'secret' WHEN 'recovery_codes' THEN 'seed' END;
    secret text := NEW.data ->> field;
BEGIN
    -- Rule: the secret of a second factor is stored sealed, for the user and the kind of its row.{exception}
    IF field IS NULL
       OR (secret LIKE 'sealed:1:%' AND split_part(secret, ':', 4) = NEW.user_id::text
           AND split_part(secret, ':', 5) = NEW.type){or_unchanged} THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The secret of a second factor must be sealed for its user'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'factor_secret_is_sealed';
END $$;
"""
NOW = SEALED.replace("{exception}", "").replace("{or_unchanged}", "")
BEFORE = SEALED.replace(
    "{exception}",
    " Secrets that an\n    -- earlier release stored in plain text stay until they are sealed.",
).replace(
    "{or_unchanged}",
    "\n       OR (TG_OP = 'UPDATE' AND OLD.user_id = NEW.user_id AND OLD.type = NEW.type"
    "\n           AND OLD.data ->> field = secret)",
)


def secrets_seal(apps: Any, schema_editor: Any) -> None:
    factors = apps.get_model("mfa", "Authenticator").objects
    # Race: the running site uses a code up meanwhile. With the row locks neither loses what the other wrote.
    for factor in factors.select_for_update().filter(type__in=SECRET_FIELDS).order_by("pk"):
        sealed = data_seal(factor.data, user_id=factor.user_id, kind=factor.type)
        if sealed != factor.data:
            factors.filter(pk=factor.pk).update(data=sealed)


class Migration(migrations.Migration):
    dependencies = [("wallets", "0018_sealed_sessions"), ("mfa", "0003_authenticator_type_uniq")]

    operations = [
        migrations.RunPython(secrets_seal, migrations.RunPython.noop),
        migrations.RunSQL(sql=NOW, reverse_sql=BEFORE),
    ]
