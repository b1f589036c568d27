"""Postgres stores no new secret of a second factor in plain text, and none that was sealed for somebody else."""

from django.db import migrations

SEALED = """
CREATE FUNCTION factor_secret_written() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    field text := CASE NEW.type WHEN 'totp' THEN 'secret' WHEN 'recovery_codes' THEN 'seed' END;
    secret text := NEW.data ->> field;
BEGIN
    -- Rule: the secret of a second factor is stored sealed, for the user and the kind of its row. Secrets that an
    -- earlier release stored in plain text stay until they are sealed.
    IF field IS NULL
       OR (secret LIKE 'sealed:1:%' AND split_part(secret, ':', 4) = NEW.user_id::text
           AND split_part(secret, ':', 5) = NEW.type)
       OR (TG_OP = 'UPDATE' AND OLD.user_id = NEW.user_id AND OLD.type = NEW.type AND OLD.data ->> field = secret) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The secret of a second factor must be sealed for its user'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'factor_secret_is_sealed';
END $$;
CREATE TRIGGER factor_secret_is_sealed BEFORE INSERT OR UPDATE ON mfa_authenticator FOR EACH ROW
    EXECUTE FUNCTION factor_secret_written();
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0015_token_scopes"), ("mfa", "0003_authenticator_type_uniq")]

    operations = [migrations.RunSQL(sql=SEALED, reverse_sql="DROP FUNCTION factor_secret_written CASCADE")]
