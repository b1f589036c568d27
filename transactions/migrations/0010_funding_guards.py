"""Guards of the ways in which money enters and leaves, and the trigger that opens the pay-out of each withdrawal.

A guard of deposits reads the session setting `wallet.funding`, which the site sets to its FUNDING on each connection. It
protects against code that forgets the rule, not against someone who can set it: who may write to the books at all is a
matter of the database's roles.
"""

from django.db import migrations

DEPOSITS = """
CREATE FUNCTION funding_deposit_check() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: nobody makes money out of thin air. The owner of a wallet deposits into it only where money is a demo.
    IF coalesce(current_setting('wallet.funding', true), '') <> 'demo'
       AND NEW.initiator_id = (SELECT owner_id FROM wallets_wallet WHERE id = NEW.destination_id) THEN
        RAISE EXCEPTION 'The owner of wallet % may not deposit into it', NEW.destination_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'transaction_deposit_is_funded';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transaction_deposit_is_funded BEFORE INSERT ON transactions_transaction
    FOR EACH ROW WHEN (NEW.kind = 'deposit') EXECUTE FUNCTION funding_deposit_check();
"""

PAYOUTS = """
CREATE FUNCTION funding_payout_open() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: every withdrawal has a pay-out, from the same commit on.
    INSERT INTO transactions_payout (withdrawal_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER transaction_withdrawal_opens_payout AFTER INSERT ON transactions_transaction
    FOR EACH ROW WHEN (NEW.kind = 'withdrawal') EXECUTE FUNCTION funding_payout_open();

CREATE FUNCTION funding_payout_update() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: a pay-out is opened once, confirmed once and returned once, in this order. A return is final.
    IF NEW.withdrawal_id <> OLD.withdrawal_id OR NEW.created_at <> OLD.created_at
       OR (OLD.status, NEW.status) NOT IN
          (('open', 'confirmed'), ('open', 'returned'), ('confirmed', 'returned')) THEN
        RAISE EXCEPTION 'Pay-out % cannot go from % to %', OLD.withdrawal_id, OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payout_status_moves_on';
    END IF;
    -- Rule: a return brings back exactly what the withdrawal took, to the wallet that it was taken from.
    IF NEW.status = 'returned' AND NOT EXISTS (
        SELECT FROM transactions_transaction AS back JOIN transactions_transaction AS taken ON taken.id = NEW.withdrawal_id
        WHERE back.id = NEW.returned_by_id AND back.kind = 'deposit' AND back.status = 'posted'
          AND back.destination_id = taken.source_id AND back.amount = taken.amount) THEN
        RAISE EXCEPTION 'Pay-out % is not returned by that transaction', OLD.withdrawal_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'payout_return_fits';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_moves_on BEFORE UPDATE ON transactions_payout
    FOR EACH ROW EXECUTE FUNCTION funding_payout_update();
-- Rule: what became of a withdrawal stays on record.
CREATE TRIGGER payout_no_delete BEFORE DELETE ON transactions_payout
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Pay-outs are never deleted');
CREATE TRIGGER payout_no_truncate BEFORE TRUNCATE ON transactions_payout
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Pay-outs are never deleted');
"""

PROPOSALS = """
CREATE FUNCTION funding_proposal_insert() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: a proposal waits for someone else's decision. It is never born decided.
    IF NEW.decision <> '' THEN
        RAISE EXCEPTION 'A proposal starts without a decision'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'proposal_starts_waiting';
    END IF;
    -- Rule: nobody proposes money for themselves.
    IF NEW.proposed_by_id = (SELECT owner_id FROM wallets_wallet WHERE id = NEW.wallet_id) THEN
        RAISE EXCEPTION 'Nobody proposes money for their own wallet'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'proposal_not_for_oneself';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER proposal_starts_waiting BEFORE INSERT ON transactions_proposal
    FOR EACH ROW EXECUTE FUNCTION funding_proposal_insert();

CREATE FUNCTION funding_proposal_update() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: a proposal is decided once, and only its decision is ever set.
    IF OLD.decision <> '' OR
       (NEW.id, NEW.kind, NEW.wallet_id, NEW.amount, NEW.memo, NEW.reason, NEW.payout_id, NEW.proposed_by_id,
        NEW.proposed_at)
       IS DISTINCT FROM
       (OLD.id, OLD.kind, OLD.wallet_id, OLD.amount, OLD.memo, OLD.reason, OLD.payout_id, OLD.proposed_by_id,
        OLD.proposed_at) THEN
        RAISE EXCEPTION 'Proposal % is decided once, and nothing else of it changes', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'proposal_is_decided_once';
    END IF;
    -- Rule: nobody approves money for themselves. (That two people are needed is a CHECK.)
    IF NEW.decided_by_id = (SELECT owner_id FROM wallets_wallet WHERE id = NEW.wallet_id) THEN
        RAISE EXCEPTION 'Nobody decides on money for their own wallet'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'proposal_not_for_oneself';
    END IF;
    -- Rule: an approval moves exactly the money that was proposed.
    IF NEW.decision = 'approved' AND NOT EXISTS (
        SELECT FROM transactions_transaction AS t
        WHERE t.id = NEW.transaction_id AND t.kind = 'deposit' AND t.status = 'posted'
          AND t.destination_id = NEW.wallet_id AND t.amount = NEW.amount) THEN
        RAISE EXCEPTION 'Proposal % is not carried out by that transaction', OLD.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'proposal_approval_fits';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER proposal_is_decided_once BEFORE UPDATE ON transactions_proposal
    FOR EACH ROW EXECUTE FUNCTION funding_proposal_update();
-- Rule: who proposed and who approved stays on record.
CREATE TRIGGER proposal_no_delete BEFORE DELETE ON transactions_proposal
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Proposals are never deleted');
CREATE TRIGGER proposal_no_truncate BEFORE TRUNCATE ON transactions_proposal
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse('Proposals are never deleted');
"""

DROP = """
DROP FUNCTION funding_deposit_check, funding_payout_open, funding_payout_update, funding_proposal_insert,
    funding_proposal_update CASCADE;
DROP TRIGGER payout_no_delete ON transactions_payout;
DROP TRIGGER payout_no_truncate ON transactions_payout;
DROP TRIGGER proposal_no_delete ON transactions_proposal;
DROP TRIGGER proposal_no_truncate ON transactions_proposal;
"""


class Migration(migrations.Migration):
    dependencies = [("transactions", "0009_payouts_and_proposals")]

    operations = [migrations.RunSQL(sql=[DEPOSITS, PAYOUTS, PROPOSALS], reverse_sql=DROP)]
