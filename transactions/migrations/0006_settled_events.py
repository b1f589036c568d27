"""The outbox of settled transactions, the functions that write it, and the guards that keep others from writing it.

Triggers write it instead of the ledger's statement, because a trigger sees everything that settles, even in psql:
while the triggers are enabled, nothing can settle without its events. This migration creates the functions that they
call. `transactions.events.switch` creates and enables the triggers only if events are wanted, so that they cost
nothing otherwise.

As in migration 0002, each function reads only the rows of its statement and leaves the planner no choice.
"""

import django.db.models.deletion
from django.db import migrations, models

# Both run at the end of the statement that settles, while the wallets' rows are locked, so a wallet's positions are in
# the order of its commits. ORDER BY id, because a wallet's entries are numbered in the order of their ids.
WRITE = """
CREATE FUNCTION settled_events_of_entries() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO transactions_settledevent (transaction_id, wallet_id)
    SELECT transaction_id, wallet_id FROM new_entries WHERE sequence IS NOT NULL ORDER BY id;
    RETURN NULL;
END $$;

CREATE FUNCTION settled_events_of_failures() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- A failure concerns whoever asked for it: the wallet that the money would have come from.
    INSERT INTO transactions_settledevent (transaction_id, wallet_id)
    SELECT id, coalesce(source_id, destination_id) FROM new_transactions WHERE status = 'failed' ORDER BY id;
    RETURN NULL;
END $$;
"""

GUARDS = """
CREATE FUNCTION settled_events_inserted() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: what is told of has happened. 1 is this trigger itself; more means that another one inserts.
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'Events are written by what settles alone'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER settledevent_by_settling_alone BEFORE INSERT ON transactions_settledevent
    FOR EACH STATEMENT EXECUTE FUNCTION settled_events_inserted();
-- Rule: an event stays what it is, in its place, until it is told. (Then the relay deletes it.)
CREATE TRIGGER settledevent_is_fixed BEFORE UPDATE ON transactions_settledevent
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Events never change');
CREATE TRIGGER settledevent_no_truncate BEFORE TRUNCATE ON transactions_settledevent
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Events go when they are told');
"""

# Vacuums by the number of dead rows instead of their share: each read of the oldest events first passes over the dead
# rows before them, until a vacuum removes these.
VACUUM = """
ALTER TABLE transactions_settledevent SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000
);
"""

# CASCADE also drops the triggers that call the functions, whether they are enabled or not.
DROP = """
DROP FUNCTION settled_events_of_entries, settled_events_of_failures, settled_events_inserted CASCADE;
DROP TRIGGER settledevent_is_fixed ON transactions_settledevent;
DROP TRIGGER settledevent_no_truncate ON transactions_settledevent;
"""


class Migration(migrations.Migration):
    dependencies = [("transactions", "0005_entry_without_foreign_key"), ("wallets", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="SettledEvent",
            fields=[
                ("position", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "transaction",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="transactions.transaction",
                    ),
                ),
                (
                    "wallet",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="wallets.wallet",
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RunSQL(sql=[WRITE, GUARDS, VACUUM], reverse_sql=DROP),
    ]
