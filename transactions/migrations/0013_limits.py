"""Guards of spending limits, whatever code or psql session spends or changes a limit.

- What leaves a wallet with limits is counted, and never exceeds what they allow.
- A limit is lowered at once. It is raised, or removed, a day after that was decided, by the clock of the database.
- A function reduces the limits of an account whose password was reset. The web role, which has no rights on wallets,
  may call it: it can only make limits smaller.

All of it costs a wallet without limits one comparison with NULL.

The site decides by the clock of its own host, so the first guard allows the ten minutes by which clocks may differ.
"""

from django.db import migrations

VALIDATE = [
    f"ALTER TABLE wallets_wallet VALIDATE CONSTRAINT {name}"
    for name in (
        "wallet_limits_range",
        "wallet_spent_range",
        "wallet_limits_are_counted",
        "wallet_next_limits_have_a_time",
        "wallet_reduction_has_an_end",
    )
]

# least() ignores NULL, which stands for "no limit".
LIMITS = """
CREATE FUNCTION wallet_payment_limit(wallet wallets_wallet, moment timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE
    SET search_path = public, pg_temp
RETURN CASE WHEN wallet.next_limits_at <= moment THEN wallet.next_payment_limit ELSE wallet.payment_limit END;

CREATE FUNCTION wallet_day_limit(wallet wallets_wallet, moment timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE
    SET search_path = public, pg_temp
RETURN CASE WHEN wallet.next_limits_at <= moment THEN wallet.next_day_limit ELSE wallet.day_limit END;
"""

SPENT = """
CREATE FUNCTION ledger_wallet_spent() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    early timestamptz := clock_timestamp() - interval '10 minutes';
    late timestamptz := clock_timestamp() + interval '10 minutes';
    paid bigint;
    largest bigint;
    most bigint;
BEGIN
    SELECT coalesce(sum(-e.amount), 0), coalesce(max(-e.amount), 0) INTO paid, largest FROM transactions_entry AS e
    WHERE e.wallet_id = NEW.id AND e.sequence > OLD.version AND e.sequence <= NEW.version AND e.amount < 0;

    -- Rule: what leaves the wallet counts, on the day on which it does. Nothing else counts.
    IF paid = 0 AND (NEW.spent, NEW.spent_on) IS DISTINCT FROM (OLD.spent, OLD.spent_on)
       OR paid > 0 AND (
           NEW.spent_on NOT IN (greatest(OLD.spent_on, (early AT TIME ZONE 'UTC')::date),
                                greatest(OLD.spent_on, (late AT TIME ZONE 'UTC')::date))
           OR NEW.spent <> least(paid + CASE WHEN NEW.spent_on = OLD.spent_on THEN OLD.spent ELSE 0 END,
                                 9007199254740991)) THEN
        RAISE EXCEPTION 'What wallet % spends is not counted', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'wallet_spent_is_counted';
    END IF;

    -- Rule: no payment, and no day, exceeds the limits. A day that is over a lowered limit already stays valid.
    SELECT max(coalesce(wallet_payment_limit(NEW, moment), largest)) INTO most FROM unnest(ARRAY[early, late]) AS moment;
    IF paid > 0 AND largest > most THEN
        RAISE EXCEPTION 'A payment exceeds the limit of wallet %', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'wallet_payment_within_limit';
    END IF;
    SELECT max(coalesce(least(wallet_day_limit(NEW, moment),
                              CASE WHEN NEW.reduced_until > moment THEN NEW.reduced_day_limit END), NEW.spent))
    INTO most FROM unnest(ARRAY[early, late]) AS moment;
    IF paid > 0 AND NEW.spent > most THEN
        RAISE EXCEPTION 'The day of wallet % exceeds its limit', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'wallet_day_within_limit';
    END IF;
    RETURN NULL;
END $$;
-- AFTER, so that it sees the entries of the posting, which is one statement.
CREATE TRIGGER wallet_spent_is_counted AFTER UPDATE ON wallets_wallet FOR EACH ROW
    WHEN (NEW.spent_on IS NOT NULL AND NEW.version <> OLD.version) EXECUTE FUNCTION ledger_wallet_spent();

-- Rule: only a payment changes what is spent. (A wallet's first limits begin to count; the next trigger does that.)
CREATE TRIGGER wallet_spent_is_fixed BEFORE UPDATE OF spent, spent_on ON wallets_wallet FOR EACH ROW
    WHEN ((NEW.spent, NEW.spent_on) IS DISTINCT FROM (OLD.spent, OLD.spent_on)
          AND (NEW.version = OLD.version OR NEW.spent_on IS NULL OR OLD.spent_on IS NULL))
    EXECUTE FUNCTION ledger_refuse('Only a payment changes what is spent');
"""

RAISES = """
CREATE FUNCTION ledger_wallet_limits() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    -- The time of the statement, by which the site schedules. Not of one that has slept inside a long message.
    decided timestamptz := greatest(statement_timestamp(), clock_timestamp() - interval '10 minutes');
    begun timestamptz := date_trunc('day', clock_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    entry record;
BEGIN
    -- Rule: no limit is higher, or gone, as soon as it is changed.
    IF wallet_payment_limit(NEW, decided) > wallet_payment_limit(OLD, decided)
       OR (wallet_payment_limit(NEW, decided) IS NULL AND wallet_payment_limit(OLD, decided) IS NOT NULL)
       OR wallet_day_limit(NEW, decided) > wallet_day_limit(OLD, decided)
       OR (wallet_day_limit(NEW, decided) IS NULL AND wallet_day_limit(OLD, decided) IS NOT NULL)
    -- Rule: what counts later counts in a day at the earliest, unless that was decided before.
       OR (NEW.next_limits_at > decided AND NEW.next_limits_at < decided + interval '1 day'
           AND (NEW.next_limits_at, NEW.next_payment_limit, NEW.next_day_limit)
               IS DISTINCT FROM (OLD.next_limits_at, OLD.next_payment_limit, OLD.next_day_limit))
    -- Rule: a reduction is not lifted, and not shortened.
       OR (OLD.reduced_until > decided
           AND (NEW.reduced_until >= OLD.reduced_until AND NEW.reduced_day_limit <= OLD.reduced_day_limit) IS NOT TRUE)
    THEN
        RAISE EXCEPTION 'The limits of wallet % are raised in a day at the earliest', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'wallet_limits_rise_in_a_day';
    END IF;

    -- A wallet's first limits count what was spent today, from its entries.
    IF OLD.spent_on IS NULL AND NEW.spent_on IS NULL THEN
        NEW.spent := 0;
        NEW.spent_on := (begun AT TIME ZONE 'UTC')::date;
        FOR entry IN SELECT e.amount, e.created_at FROM transactions_entry AS e WHERE e.wallet_id = NEW.id
                     ORDER BY e.sequence DESC LOOP
            EXIT WHEN entry.created_at < begun;
            NEW.spent := least(NEW.spent + greatest(-entry.amount, 0), 9007199254740991);
        END LOOP;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER wallet_limits_rise_in_a_day BEFORE UPDATE OF payment_limit, day_limit, next_payment_limit, next_day_limit,
    next_limits_at, reduced_day_limit, reduced_until ON wallets_wallet
    FOR EACH ROW EXECUTE FUNCTION ledger_wallet_limits();
"""

REDUCE = """
CREATE FUNCTION wallet_limits_reduce(account bigint, amounts jsonb) RETURNS text[] LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    -- Race: two changes of one account lock its wallets in the same order, that of their ids, as postings do.
    PERFORM FROM wallets_wallet WHERE owner_id = account ORDER BY id FOR NO KEY UPDATE;
    -- Rule: it can only reduce. A reduction that still counts stays as small as it is.
    UPDATE wallets_wallet AS w SET
        reduced_until = statement_timestamp() + interval '1 day',
        reduced_day_limit = least((amounts ->> w.currency)::bigint,
            CASE WHEN w.reduced_until > statement_timestamp() THEN w.reduced_day_limit END)
    WHERE w.owner_id = account;
    RETURN ARRAY(SELECT currency::text FROM wallets_wallet WHERE owner_id = account ORDER BY created_at, id);
END $$;
REVOKE ALL ON FUNCTION wallet_limits_reduce FROM PUBLIC;
"""

DROP = """
DROP FUNCTION wallet_limits_reduce, ledger_wallet_limits, ledger_wallet_spent CASCADE;
DROP TRIGGER wallet_spent_is_fixed ON wallets_wallet;
DROP FUNCTION wallet_payment_limit, wallet_day_limit;
"""


class Migration(migrations.Migration):
    dependencies = [("transactions", "0012_events_written_by_the_owner"), ("wallets", "0014_limits")]

    operations = [
        migrations.RunSQL(sql=VALIDATE, reverse_sql=migrations.RunSQL.noop),
        migrations.RunSQL(sql=[LIMITS, SPENT, RAISES, REDUCE], reverse_sql=DROP),
    ]
