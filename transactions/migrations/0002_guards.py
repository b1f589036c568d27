"""Guards: triggers by which Postgres enforces the rules about money against any code, shell or psql session.

They are plain SQL on purpose: a session setting can switch off the triggers of django-pgtrigger.

A posting is one SQL statement (see `transactions.ledger.post`) that writes wallets, transactions and entries. AFTER
triggers run at the end of the whole statement, so each guard sees the complete posting, and refuses a statement that
contains only a part of one.

The guards read only the rows of their statement, so their cost does not grow with the books. Older rows were checked
when they were written, and can no longer change.

A connection keeps a guard's query plan for its lifetime, whether it posts one transfer or a thousand, and while the
tables grow from nothing to millions of rows. So the guards are written in a way that leaves the planner no choice that
would be bad for some size. For each row of the statement, a subquery that cannot become a join looks up one table row
on its index; the rows before and after an update are joined by hash. And they select the minimum of the bad rows
instead of the first one (LIMIT 1): there is almost never a bad row, and a plan that is made to find the first row
quickly is slow when there is none.
"""

from django.db import migrations

# search_path is fixed, with pg_temp last, so that nobody can replace a guard's table with a temporary one.
REFUSE = """
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% (% of % refused)', TG_ARGV[0], TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME;
END $$;

-- Rule: entries are append-only.
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON transactions_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Entries are append-only');
CREATE TRIGGER entry_no_truncate BEFORE TRUNCATE ON transactions_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Entries are append-only');
-- Rule: what was asked for stays on record.
CREATE TRIGGER transaction_no_delete BEFORE DELETE ON transactions_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Transactions are never deleted');
CREATE TRIGGER transaction_no_truncate BEFORE TRUNCATE ON transactions_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Transactions are never deleted');
-- Rule: a wallet never goes away; entries, which have no foreign key to it, rely on that.
CREATE TRIGGER wallet_no_delete BEFORE DELETE ON wallets_wallet
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Wallets are never deleted');
CREATE TRIGGER wallet_no_truncate BEFORE TRUNCATE ON wallets_wallet
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Wallets are never deleted');
-- Rule: who froze a wallet, and why, stays on record.
CREATE TRIGGER status_event_append_only BEFORE UPDATE OR DELETE ON wallets_walletstatusevent
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('The audit trail is append-only');
CREATE TRIGGER status_event_no_truncate BEFORE TRUNCATE ON wallets_walletstatusevent
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('The audit trail is append-only');
"""

TRANSACTIONS = """
CREATE FUNCTION ledger_transaction_update() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: a settled transaction never changes again.
    IF OLD.status <> 'pending' THEN
        RAISE EXCEPTION 'Transaction % is settled and never changes again', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'transaction_settled_is_final';
    END IF;
    -- Rule: settling decides the outcome; what was asked for stays as it was.
    IF (NEW.id, NEW.kind, NEW.currency, NEW.amount, NEW.source_id, NEW.destination_id, NEW.memo, NEW.initiator_id,
        NEW.idempotency_key, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.kind, OLD.currency, OLD.amount, OLD.source_id, OLD.destination_id, OLD.memo, OLD.initiator_id,
        OLD.idempotency_key, OLD.created_at) THEN
        RAISE EXCEPTION 'Only the outcome of transaction % may be set', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'transaction_request_is_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transaction_settled_is_final BEFORE UPDATE ON transactions_transaction
    FOR EACH ROW EXECUTE FUNCTION ledger_transaction_update();

CREATE FUNCTION ledger_transactions_posted() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
    SET enable_seqscan = off AS $$
DECLARE
    bad bigint;
BEGIN
    -- Rule: posted means that the money moved. (The other half, entries belong to a posted transaction, is theirs.)
    SELECT min(t.id) INTO bad FROM new_transactions AS t
    WHERE t.status = 'posted'
      AND (SELECT e.id FROM transactions_entry AS e WHERE e.transaction_id = t.id LIMIT 1) IS NULL;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'Transaction % is posted without entries', bad
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'transaction_posted_has_entries';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER transaction_inserted_posted AFTER INSERT ON transactions_transaction
    REFERENCING NEW TABLE AS new_transactions FOR EACH STATEMENT EXECUTE FUNCTION ledger_transactions_posted();
CREATE TRIGGER transaction_updated_posted AFTER UPDATE ON transactions_transaction
    REFERENCING NEW TABLE AS new_transactions FOR EACH STATEMENT EXECUTE FUNCTION ledger_transactions_posted();
"""

ENTRIES = """
CREATE FUNCTION ledger_entries_inserted() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
    SET enable_seqscan = off AS $$
DECLARE
    bad bigint;
BEGIN
    -- Rule: no money is made or lost. Both sides come in one statement and cancel each other out.
    SELECT min(side.transaction_id) INTO bad
    FROM (SELECT e.transaction_id FROM new_entries AS e
          GROUP BY e.transaction_id HAVING sum(e.amount) <> 0 OR count(*) <> 2) AS side;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'The entries of transaction % do not sum to zero, one for each side', bad
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'entry_sum_is_zero';
    END IF;

    -- Rule: an entry is one side of a posted transaction, with its amount, in its currency, at its wallet.
    SELECT min(e.transaction_id) INTO bad FROM new_entries AS e
    LEFT JOIN LATERAL (SELECT * FROM transactions_transaction WHERE id = e.transaction_id LIMIT 1) AS t ON true
    LEFT JOIN LATERAL (SELECT * FROM wallets_wallet WHERE id = e.wallet_id LIMIT 1) AS w ON true
    WHERE t.id IS NULL OR w.id IS NULL OR t.status <> 'posted' OR w.currency <> t.currency
       OR e.amount <> CASE WHEN e.wallet_id = t.source_id THEN -t.amount
                           WHEN e.wallet_id = t.destination_id THEN t.amount
                           WHEN w.owner_id IS NOT NULL THEN 0
                           WHEN t.source_id IS NULL THEN -t.amount
                           WHEN t.destination_id IS NULL THEN t.amount
                           ELSE 0 END;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'The entries of transaction % do not fit it', bad
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'entry_fits_transaction';
    END IF;

    -- Rule: a wallet's entries form a gapless chain, each balance being the one before plus the amount.
    SELECT min(e.wallet_id) INTO bad FROM new_entries AS e
    LEFT JOIN LATERAL (SELECT * FROM transactions_entry WHERE wallet_id = e.wallet_id AND sequence = e.sequence - 1
                       LIMIT 1) AS previous ON true
    WHERE e.sequence IS NOT NULL
      AND (e.balance_after <> coalesce(previous.balance_after, 0) + e.amount
           OR (previous.id IS NULL) <> (e.sequence = 1)
           OR e.created_at < previous.created_at);
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'The new entries of wallet % do not continue its chain', bad
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'entry_continues_chain';
    END IF;

    -- Rule: no entry without its effect on the wallet. (The other half, no effect without an entry, is the wallet's.)
    SELECT min(head.wallet_id) INTO bad
    FROM (SELECT e.wallet_id, max(e.sequence) AS version FROM new_entries AS e
          WHERE e.sequence IS NOT NULL GROUP BY e.wallet_id) AS head
    WHERE (SELECT w.version FROM wallets_wallet AS w WHERE w.id = head.wallet_id) IS DISTINCT FROM head.version;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'Wallet % has new entries that its balance does not know', bad
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'entry_reaches_wallet';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entry_books_balance AFTER INSERT ON transactions_entry
    REFERENCING NEW TABLE AS new_entries FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_inserted();
"""

WALLETS = """
CREATE FUNCTION ledger_wallet_inserted() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: a wallet starts empty.
    IF NEW.balance <> 0 OR NEW.version <> 0 THEN
        RAISE EXCEPTION 'Wallet % does not start empty', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'wallet_starts_empty';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER wallet_starts_empty BEFORE INSERT ON wallets_wallet
    FOR EACH ROW EXECUTE FUNCTION ledger_wallet_inserted();

CREATE FUNCTION ledger_wallets_updated() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
    SET enable_seqscan = off SET enable_nestloop = off SET enable_mergejoin = off AS $$
DECLARE
    bad bigint;
BEGIN
    -- Rule: whose wallet it is, and in what currency, never changes.
    SELECT min(was.id) INTO bad FROM old_wallets AS was LEFT JOIN new_wallets AS now ON now.id = was.id
    WHERE now.id IS NULL OR now.owner_id IS DISTINCT FROM was.owner_id OR now.currency <> was.currency;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'The owner and the currency of wallet % never change', bad
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'wallet_identity_is_fixed';
    END IF;

    -- Rule: a balance is what the wallet's last entry says.
    SELECT min(now.id) INTO bad FROM new_wallets AS now JOIN old_wallets AS was ON was.id = now.id
    WHERE (now.balance <> was.balance OR now.version <> was.version)
      AND ((SELECT e.balance_after FROM transactions_entry AS e WHERE e.wallet_id = now.id AND e.sequence = now.version)
           IS DISTINCT FROM now.balance
           OR (SELECT e.id FROM transactions_entry AS e WHERE e.wallet_id = now.id AND e.sequence = now.version + 1)
           IS NOT NULL);
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'The balance of wallet % is not what its last entry says', bad
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'wallet_balance_is_last_entry';
    END IF;

    -- Rule: a change of status is on record. (The trigger that writes the record is django-pgtrigger's.)
    SELECT min(now.id) INTO bad FROM new_wallets AS now JOIN old_wallets AS was ON was.id = now.id
    WHERE now.status <> was.status
      AND (SELECT count(*) FROM wallets_walletstatusevent AS e WHERE e.pgh_obj_id = now.id
           AND e.status = now.status AND e.pgh_created_at = transaction_timestamp()) = 0;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'The new status of wallet % is not on record', bad
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'wallet_status_is_on_record';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER wallet_balance_is_last_entry AFTER UPDATE ON wallets_wallet
    REFERENCING OLD TABLE AS old_wallets NEW TABLE AS new_wallets
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_wallets_updated();
"""

DROP = """
DROP FUNCTION ledger_refuse, ledger_transaction_update, ledger_transactions_posted, ledger_entries_inserted,
    ledger_wallet_inserted, ledger_wallets_updated CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("transactions", "0001_initial"), ("wallets", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql=[REFUSE, TRANSACTIONS, ENTRIES, WALLETS],
            reverse_sql=DROP,
        )
    ]
