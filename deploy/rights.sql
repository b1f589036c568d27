-- What the site's roles may do with which table. `manage.py migrate` runs this as the owner when all migrations are
-- applied. deploy/roles.sql creates the roles.
--
-- A new table has a line here, or nobody but its owner can use it. Grant what the code does and no more: the columns
-- after UPDATE are those that it changes, or one that it may as well, because SELECT … FOR UPDATE needs such a right.
-- Identity columns need no rights on their sequences, and triggers none on their functions.

-- First take away everything, also what only an earlier release needed. Nobody sees the state in between.
DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('REVOKE ALL ON %s FROM PUBLIC, wallet_app, wallet_web', oid::regclass)
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
          AND pg_has_role(relowner, 'USAGE')
          AND NOT EXISTS (
              SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
          )
        UNION ALL
        SELECT format('REVOKE ALL ON ROUTINE %s FROM PUBLIC, wallet_app, wallet_web', oid::regprocedure)
        FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND pg_has_role(proowner, 'USAGE')
          AND NOT EXISTS (
              SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
          )
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;

-- The runtime role: the site's processes.

-- The books. The guards check every row.
GRANT SELECT, INSERT, UPDATE (
    balance, version, status, updated_at, payment_limit, day_limit, next_payment_limit, next_day_limit, next_limits_at,
    spent, spent_on, step_up_above
) ON wallets_wallet TO wallet_app;
GRANT SELECT, INSERT, UPDATE (status, settled_at, failure_code) ON transactions_transaction TO wallet_app;
GRANT SELECT, INSERT ON transactions_entry TO wallet_app;
GRANT SELECT, INSERT, UPDATE (attempts, not_before, dead_at, last_fault), DELETE ON transactions_job TO wallet_app;
-- Triggers write these two, with the rights of the owner. The relay deletes the events that it has published.
GRANT SELECT ON wallets_walletstatusevent TO wallet_app;
GRANT SELECT, DELETE ON transactions_settledevent TO wallet_app;
GRANT SELECT, INSERT ON transactions_deadletteraction TO wallet_app;
-- Money in and out. A trigger opens pay-outs, with the rights of the owner; the guards check what becomes of them.
GRANT SELECT, UPDATE (status, reference, reason, confirmed_at, returned_by_id) ON transactions_payout TO wallet_app;
GRANT SELECT, INSERT, UPDATE (decision, decided_by_id, decided_at, decision_reason, transaction_id)
ON transactions_proposal TO wallet_app;
GRANT SELECT, INSERT, UPDATE ON wallets_nodelease TO wallet_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON wallets_owedwallet TO wallet_app;

-- People. They are never deleted, because the books refer to them.
GRANT SELECT, INSERT, UPDATE ON wallets_user TO wallet_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    account_emailaddress, account_emailconfirmation, auth_group, auth_group_permissions, mfa_authenticator,
    wallets_apitoken, wallets_emailchange, wallets_guessbudget, wallets_user_groups, wallets_user_user_permissions
TO wallet_app;
-- Sessions of browsers. A guard keeps them from passing to another user or beginning anew.
GRANT SELECT, INSERT, UPDATE (key_hash, user_id, data, signed_in_at, last_seen_at, address, user_agent), DELETE
ON wallets_browsersession TO wallet_app;
-- The log of security events is append-only; a guard lets only old ones be deleted.
GRANT SELECT, INSERT, DELETE ON wallets_securityevent TO wallet_app;
-- Used assertions of web processes.
GRANT SELECT, INSERT, DELETE ON wallets_usednonce TO wallet_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON notifications_mail TO wallet_app;
GRANT SELECT ON auth_permission, django_content_type TO wallet_app;
GRANT SELECT, INSERT ON django_admin_log TO wallet_app;

-- Names of cached objects that changed while Redis was away.
GRANT SELECT, INSERT, UPDATE, DELETE ON wallets_unevicted TO wallet_app;
-- Whose cached objects these are; `manage.py identity_replace` gives the database a new identity.
GRANT SELECT, INSERT, UPDATE ON kit_identity TO wallet_app;
-- /readyz checks whether every migration has been applied.
GRANT SELECT ON django_migrations TO wallet_app;

-- The function token_issue inserts ceilings. What a token has spent is counted; nobody raises or deletes a ceiling.
GRANT SELECT, UPDATE (spent, day) ON wallets_tokenceiling TO wallet_app;
GRANT EXECUTE ON FUNCTION token_issue(wallets_apitoken, wallets_tokenceiling[]), tokens_used(text[], text[]),
    wallet_payment_limit(wallets_wallet, timestamptz), wallet_day_limit(wallets_wallet, timestamptz),
    wallet_limits_reduce(bigint, jsonb)
TO wallet_app;

-- The web role: web processes without books. Nothing that it writes becomes money or rights.

-- It creates ordinary accounts, which a trigger checks, and changes what the account's owner changes: no username, by
-- which others pay, and no flag.
GRANT SELECT, INSERT, UPDATE (password, last_login, email, first_name, last_name, display_name) ON wallets_user
TO wallet_web;
-- It locks an account for its owner, and unlocks it after a password reset. A guard refuses anything else.
GRANT UPDATE (is_active, locked_at) ON wallets_user TO wallet_web;
-- It issues tokens with the function token_issue alone, and can end them. After a password reset, wallet_limits_reduce
-- reduces the limits of the account's wallets, on which it has no rights.
GRANT SELECT, UPDATE (name, questioned_at), DELETE ON wallets_apitoken TO wallet_web;
GRANT SELECT ON wallets_tokenceiling TO wallet_web;
GRANT EXECUTE ON FUNCTION token_issue(wallets_apitoken, wallets_tokenceiling[]), tokens_used(text[], text[]),
    wallet_limits_reduce(bigint, jsonb)
TO wallet_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    account_emailaddress, account_emailconfirmation, mfa_authenticator, wallets_emailchange, wallets_unevicted
TO wallet_web;
GRANT SELECT, INSERT, UPDATE (key_hash, user_id, data, signed_in_at, last_seen_at, address, user_agent), DELETE
ON wallets_browsersession TO wallet_web;
-- Wrong guesses, and the log of security events.
GRANT SELECT, INSERT, UPDATE ON wallets_guessbudget TO wallet_web;
GRANT SELECT, INSERT ON wallets_securityevent TO wallet_web;
-- It queues mails, which the workers send, and reads none: the links in them reset passwords.
GRANT INSERT, SELECT (id) ON notifications_mail TO wallet_web;
GRANT SELECT ON
    auth_group, auth_group_permissions, auth_permission, django_content_type, django_migrations, kit_identity,
    wallets_user_groups, wallets_user_user_permissions
TO wallet_web;
GRANT SELECT, INSERT ON django_admin_log TO wallet_web;
-- New accounts that still need their first wallet. The wallet service opens it, empty.
GRANT INSERT ON wallets_owedwallet TO wallet_web;
