-- The Postgres roles of the site. None is a superuser.
--
--   wallet_owner     owns tables, triggers and functions. Nobody can sign in as this role.
--   wallet_migrator  acts as the owner. Migrations run as this role (DATABASE_MIGRATION_URL).
--   wallet_app       the site's processes (DATABASE_URL). It changes rows, checked by the guards, and nothing else.
--   wallet_web       web processes without books (WALLET_SERVICE). It has no rights on the ledger's tables.
--
-- Run this in the site's own database, before the first migration, as a superuser or, where there is none (managed
-- Postgres), as a role with CREATEROLE that owns the database and what is in it:
--
--   psql --dbname=wallet --single-transaction --set=ON_ERROR_STOP=1 --file=deploy/roles.sql
--
-- Then give each role that signs in a password: \password wallet_migrator, and so on. What the roles may do with which
-- table is in rights.sql, which `manage.py migrate` runs. Running this again changes nothing, except that it gives the
-- owner what others have created in the schema public since, as earlier releases did.

DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('wallet_owner', 'NOLOGIN'), ('wallet_migrator', 'LOGIN'), ('wallet_app', 'LOGIN'), ('wallet_web', 'LOGIN')
        ) AS role (name, login)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            EXECUTE format('CREATE ROLE %I %s NOCREATEDB NOCREATEROLE', wanted.name, wanted.login);
        ELSIF EXISTS (
            SELECT FROM pg_roles WHERE rolname = wanted.name
            AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
        ) THEN
            RAISE EXCEPTION 'The role % exists and has more rights than it may have', wanted.name;
        END IF;
    END LOOP;
    -- A superuser may do this anyway. Others must be able to act as the owner to give it anything.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT wallet_owner TO %I WITH INHERIT TRUE, SET TRUE', current_user);
    END IF;
END $$;

-- What the migration role creates belongs to the owner from the start, in any client.
GRANT wallet_owner TO wallet_migrator WITH INHERIT FALSE, SET TRUE;
ALTER ROLE wallet_migrator SET role = 'wallet_owner';

-- Whoever can create a table or a function, even a temporary one, could try to put it in the place of one of ours.
DO $$
BEGIN
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO wallet_migrator, wallet_app, wallet_web', current_database());
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO wallet_app, wallet_web;
GRANT USAGE, CREATE ON SCHEMA public TO wallet_owner;
-- Postgres would let everybody call a new function.
ALTER DEFAULT PRIVILEGES FOR ROLE wallet_owner REVOKE EXECUTE ON ROUTINES FROM PUBLIC;

DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format(
            'ALTER %s %s OWNER TO wallet_owner',
            CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
            oid::regclass
        )
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
          AND relowner <> 'wallet_owner'::regrole
          -- Sequences follow their tables, and what belongs to an extension stays with it.
          AND NOT EXISTS (
              SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
              AND (deptype = 'e' OR relkind = 'S' AND deptype IN ('a', 'i'))
          )
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO wallet_owner', oid::regprocedure)
        FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND proowner <> 'wallet_owner'::regrole
          AND NOT EXISTS (
              SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
          )
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
