"""A process that may not change flags may still lock an account for its owner, and unlock it after a password reset."""

from django.db import migrations

LOCK = """
CREATE FUNCTION user_activity_updated() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: whoever may not change the flags locks an active account, or unlocks one that its owner had locked. An
    -- account that staff have deactivated stays so.
    IF has_column_privilege(current_user, TG_RELID, 'is_superuser', 'UPDATE')
       OR (OLD.is_active AND NOT NEW.is_active AND NEW.locked_at IS NOT NULL)
       OR (OLD.locked_at IS NOT NULL AND NEW.locked_at IS NULL AND NEW.is_active) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The role % may lock and unlock accounts for their owners only', current_user
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'user_activity_is_the_owners';
END $$;
CREATE TRIGGER user_activity_is_the_owners BEFORE UPDATE ON wallets_user FOR EACH ROW
    WHEN (OLD.is_active IS DISTINCT FROM NEW.is_active OR OLD.locked_at IS DISTINCT FROM NEW.locked_at)
    EXECUTE FUNCTION user_activity_updated();
"""


class Migration(migrations.Migration):
    dependencies = [("wallets", "0012_guards_of_rights")]

    operations = [migrations.RunSQL(sql=LOCK, reverse_sql="DROP FUNCTION user_activity_updated CASCADE")]
