-- The Postgres role of web processes without books (WALLET_SERVICE). It has rights on users, sign-in and sessions, and
-- none on the ledger. Run this with psql as the owner of the tables, after each migration. Then set the role's
-- password: ALTER ROLE wallet_web PASSWORD '…'; The tests run the site under this role.

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'wallet_web') THEN
        CREATE ROLE wallet_web LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
END $$;

-- Removes rights that only an earlier release needed.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM wallet_web;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM wallet_web;

-- Users. They are never deleted, because the books refer to them.
GRANT SELECT, INSERT, UPDATE ON wallets_user TO wallet_web;
-- How users sign in, and what they may do as staff.
GRANT SELECT, INSERT, UPDATE, DELETE ON
    account_emailaddress, account_emailconfirmation, auth_group, auth_group_permissions, django_session,
    mfa_authenticator, wallets_apitoken, wallets_emailchange, wallets_user_groups, wallets_user_user_permissions
TO wallet_web;
GRANT SELECT ON auth_permission, django_content_type TO wallet_web;
GRANT SELECT, INSERT ON django_admin_log TO wallet_web;

-- Wrong guesses at passwords and codes, and the log of security events, which is append-only. Workers delete what is old.
GRANT SELECT, INSERT, UPDATE ON wallets_guessbudget TO wallet_web;
GRANT SELECT, INSERT ON wallets_securityevent TO wallet_web;
-- Mails, which the workers send. The role may queue a mail, but read none: the links in them reset passwords.
GRANT INSERT, SELECT (id) ON notifications_mail TO wallet_web;

-- New accounts that still need their first wallet, which the wallet service opens.
GRANT INSERT ON wallets_owedwallet TO wallet_web;
-- Names of cached objects that changed while Redis was away.
GRANT SELECT, INSERT, UPDATE, DELETE ON wallets_unevicted TO wallet_web;
-- Whose cached objects these are.
GRANT SELECT ON kit_identity TO wallet_web;
-- /readyz checks whether every migration has been applied.
GRANT SELECT ON django_migrations TO wallet_web;
