-- The Postgres role of web processes that keep no books (WALLET_SERVICE): people, sign-in and sessions, and nothing of
-- the ledger's. Run it with psql as the owner of the tables, after each migration; then give the role a password:
--   ALTER ROLE wallet_web PASSWORD '…';
-- The tests run the site under this role.

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wallet_web') THEN
        CREATE ROLE wallet_web LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
END $$;

-- What an earlier release needed, and this one does not.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM wallet_web;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM wallet_web;

-- Who people are. Nobody is ever deleted, for the books name them.
GRANT SELECT, INSERT, UPDATE ON wallets_user TO wallet_web;
-- How they come in, and what they may do as staff.
GRANT SELECT, INSERT, UPDATE, DELETE ON
    account_emailaddress, account_emailconfirmation, auth_group, auth_group_permissions, django_session,
    mfa_authenticator, wallets_apitoken, wallets_user_groups, wallets_user_user_permissions
TO wallet_web;
GRANT SELECT ON auth_permission, django_content_type TO wallet_web;
GRANT SELECT, INSERT ON django_admin_log TO wallet_web;

-- That a new account is owed its first wallet, which the wallet service opens.
GRANT INSERT ON wallets_owedwallet TO wallet_web;
-- Which cached objects changed while Redis was away.
GRANT SELECT, INSERT, UPDATE, DELETE ON wallets_unevicted TO wallet_web;
-- Whether every migration was made (/readyz).
GRANT SELECT ON django_migrations TO wallet_web;
