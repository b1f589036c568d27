"""The outbox of settled transactions: who writes it, and who may not.

Triggers write it rather than the ledger's statement, because a trigger sees whatever settles, by whatever door, psql
included: while it is there, nothing can settle without its events. It is there only while events are wanted
(`transactions.events.switch`), so that they cost nothing otherwise; here are the functions that it calls.

In the way of migration 0002: each looks at the rows of its statement only, and leaves the planner no choice.
"""

import django.db.models.deletion
from django.db import migrations, models

# Both are called at the end of the statement that settles, which holds the rows of the wallets: so a wallet's
# positions are taken one commit after another. ORDER BY: a wallet's entries were numbered in the order of their ids.
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

# Rows come and go, so what matters is not the share of them that is dead but how many: each look at the oldest event
# walks over the dead ones before it, until a vacuum has taken them away.
VACUUM = """
ALTER TABLE transactions_settledevent SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000
);
"""

# CASCADE: with the functions go the triggers that call them, switched on or not.
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
