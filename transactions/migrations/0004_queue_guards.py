"""Guards of the job table: no code can lose an accepted transfer.

As in migration 0002, they are statement-level triggers that see the whole statement, read only its rows, and leave the
planner no choice, while the table grows from nothing to a million jobs and shrinks again.
"""

from django.db import migrations

JOBS = """
CREATE FUNCTION queue_transactions_inserted() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
    SET enable_seqscan = off AS $$
DECLARE
    bad bigint;
BEGIN
    -- Rule: what is accepted has its job from the first moment on.
    SELECT min(t.id) INTO bad FROM new_transactions AS t
    WHERE t.status = 'pending' AND (SELECT j.id FROM transactions_job AS j WHERE j.transaction_id = t.id) IS NULL;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'Transaction % is pending without a job', bad
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'transaction_pending_has_job';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER transaction_pending_has_job AFTER INSERT ON transactions_transaction
    REFERENCING NEW TABLE AS new_transactions FOR EACH STATEMENT EXECUTE FUNCTION queue_transactions_inserted();

CREATE FUNCTION queue_jobs_inserted() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
    SET enable_seqscan = off AS $$
DECLARE
    bad bigint;
BEGIN
    -- Rule: a job is there to settle a pending transaction, in its turn among those of the same source.
    SELECT min(j.transaction_id) INTO bad FROM new_jobs AS j
    LEFT JOIN LATERAL (SELECT * FROM transactions_transaction WHERE id = j.transaction_id LIMIT 1) AS t ON true
    WHERE t.id IS NULL OR t.status <> 'pending' OR t.source_id IS DISTINCT FROM j.source_id;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'The job of transaction % does not fit it', bad
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'job_fits_transaction';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER job_fits_transaction AFTER INSERT ON transactions_job
    REFERENCING NEW TABLE AS new_jobs FOR EACH STATEMENT EXECUTE FUNCTION queue_jobs_inserted();

CREATE FUNCTION queue_jobs_deleted() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp
    SET enable_seqscan = off AS $$
DECLARE
    bad bigint;
BEGIN
    -- Rule: a job goes only when its transaction is settled.
    SELECT min(j.transaction_id) INTO bad FROM old_jobs AS j
    WHERE (SELECT t.status FROM transactions_transaction AS t WHERE t.id = j.transaction_id) = 'pending';
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'The job of transaction % stays until it is settled', bad
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'job_stays_until_settled';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER job_stays_until_settled AFTER DELETE ON transactions_job
    REFERENCING OLD TABLE AS old_jobs FOR EACH STATEMENT EXECUTE FUNCTION queue_jobs_deleted();

-- Rule: a job stays with its transaction, its source and its turn.
CREATE TRIGGER job_is_fixed BEFORE UPDATE OF id, transaction_id, source_id ON transactions_job
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('A job stays with its transaction');
CREATE TRIGGER job_no_truncate BEFORE TRUNCATE ON transactions_job
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Jobs go when they are done');
"""

DEAD_LETTERS = """
-- Rule: what staff did stays on record.
CREATE TRIGGER deadletteraction_append_only BEFORE UPDATE OR DELETE ON transactions_deadletteraction
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('The audit trail is append-only');
CREATE TRIGGER deadletteraction_no_truncate BEFORE TRUNCATE ON transactions_deadletteraction
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('The audit trail is append-only');
"""

DROP = """
DROP FUNCTION queue_transactions_inserted, queue_jobs_inserted, queue_jobs_deleted CASCADE;
DROP TRIGGER job_is_fixed ON transactions_job;
DROP TRIGGER job_no_truncate ON transactions_job;
DROP TRIGGER deadletteraction_append_only ON transactions_deadletteraction;
DROP TRIGGER deadletteraction_no_truncate ON transactions_deadletteraction;
"""


class Migration(migrations.Migration):
    dependencies = [("transactions", "0003_jobs")]

    operations = [migrations.RunSQL(sql=[JOBS, DEAD_LETTERS], reverse_sql=DROP)]
