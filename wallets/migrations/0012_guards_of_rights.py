"""What holds for every role but the owner of the tables, whatever SQL it runs (deploy/rights.sql has its rights).

- Only a trigger writes the audit trail of wallets. It runs with the owner's rights, so no other role needs any there.
- A role that may not change a user's flags cannot create a user that has them either.
- A role without rights on tokens issues them with a function, which checks what a token must be.

search_path is fixed, with pg_temp last, so that nobody can replace a table with one of their own.
"""

from django.db import migrations

# The name is django-pgtrigger's. If a later migration replaces the trigger, it has to say this again.
TRAIL = "pgtrigger_status_changed_update_269e7()"

FLAGS = """
CREATE FUNCTION user_flags_inserted() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: whoever may not change the flags creates active accounts without rights.
    IF NOT has_column_privilege(current_user, TG_RELID, 'is_superuser', 'UPDATE') THEN
        RAISE EXCEPTION 'The role % may create active accounts without rights only', current_user
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'user_starts_without_rights';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER user_starts_without_rights BEFORE INSERT ON wallets_user FOR EACH ROW
    WHEN (NEW.is_staff OR NEW.is_superuser OR NOT NEW.is_active) EXECUTE FUNCTION user_flags_inserted();
"""

# It takes a whole row, so that a new column of the table needs no new function.
TOKENS = """
CREATE FUNCTION token_issue(token wallets_apitoken) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: a token counts from now, and ends within a year.
    IF (token.expiry BETWEEN now() AND now() + interval '366 days'
        AND token.created BETWEEN now() - interval '10 minutes' AND now() + interval '10 minutes') IS NOT TRUE THEN
        RAISE EXCEPTION 'A token is issued now and ends within a year'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'token_ends_within_a_year';
    END IF;
    -- Rule: a token belongs to an account that may sign in. The lock makes a change of the account wait.
    PERFORM FROM wallets_user WHERE id = token.user_id AND is_active FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The account % may not sign in', token.user_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'token_of_an_active_account';
    END IF;
    INSERT INTO wallets_apitoken SELECT (token).*;
END $$;
REVOKE ALL ON FUNCTION token_issue FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0011_confirmed_addresses")]

    operations = [
        migrations.RunSQL(
            sql=f"ALTER FUNCTION {TRAIL} SECURITY DEFINER SET search_path = public, pg_temp",
            reverse_sql=f"ALTER FUNCTION {TRAIL} SECURITY INVOKER RESET search_path",
        ),
        migrations.RunSQL(sql=FLAGS, reverse_sql="DROP FUNCTION user_flags_inserted CASCADE"),
        migrations.RunSQL(sql=TOKENS, reverse_sql="DROP FUNCTION token_issue"),
    ]
