"""Scopes and ceilings of API tokens, and when they were last used.

Tokens that exist keep what they could do: both scopes, and no ceilings.

search_path is fixed, with pg_temp last, so that nobody can replace a table with one of their own.
"""

from importlib import import_module

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# The ceilings of a token end with it. The owner of the tables deletes them, whoever deletes the token.
FOREIGN_KEY = """
ALTER TABLE wallets_tokenceiling ADD CONSTRAINT tokenceiling_of_a_token
    FOREIGN KEY (token_id) REFERENCES wallets_apitoken (digest) ON DELETE CASCADE;
"""

# As in 0012, and with the ceilings, which nobody can add later.
ISSUE = """
DROP FUNCTION token_issue(wallets_apitoken);
CREATE FUNCTION token_issue(token wallets_apitoken, ceilings wallets_tokenceiling[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: a token counts from now, and ends within a year.
    IF (token.expiry BETWEEN now() AND now() + interval '366 days'
        AND token.created BETWEEN now() - interval '10 minutes' AND now() + interval '10 minutes') IS NOT TRUE THEN
        RAISE EXCEPTION 'A token is issued now and ends within a year'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'token_ends_within_a_year';
    END IF;
    -- Rule: a token belongs to an account that may sign in. The lock makes a change of the account wait.
    PERFORM FROM wallets_user WHERE id = token.user_id AND is_active FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'The account % may not sign in', token.user_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'token_of_an_active_account';
    END IF;
    INSERT INTO wallets_apitoken SELECT (token).*;
    -- Rule: ceilings belong to the new token, and nothing has been spent yet.
    INSERT INTO wallets_tokenceiling (token_id, currency, per_payment, per_day, spent)
    SELECT token.digest, c.currency, c.per_payment, c.per_day, 0 FROM unnest(ceilings) AS c;
END $$;
REVOKE ALL ON FUNCTION token_issue FROM PUBLIC;
"""
ISSUE_REVERSE = f"""
DROP FUNCTION token_issue(wallets_apitoken, wallets_tokenceiling[]);
{import_module("wallets.migrations.0012_guards_of_rights").TOKENS}
"""

# Web processes without books may not write tokens. They may say that one is used.
USED = """
CREATE FUNCTION tokens_used(digests text[], addresses text[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE wallets_apitoken AS t SET last_used_at = now(), last_used_from = used.address::inet
    FROM unnest(digests, addresses) AS used (digest, address)
    -- Race: the token is being revoked. It is skipped, so that the caller never waits.
    JOIN (SELECT f.digest FROM wallets_apitoken AS f WHERE f.digest = ANY (digests) FOR NO KEY UPDATE SKIP LOCKED)
        AS free USING (digest)
    -- Rule: one write per token and hour, however many processes it is used with.
    WHERE t.digest = used.digest AND (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 hour');
$$;
REVOKE ALL ON FUNCTION tokens_used FROM PUBLIC;
"""

# A plain trigger, because pgtrigger's can be switched off by a session.
SPENT = """
CREATE FUNCTION tokenceiling_updated() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Rule: what was spent on a day only grows, and days do not come back or come early.
    IF (OLD.day IS NULL OR NEW.day > OLD.day OR (NEW.day = OLD.day AND NEW.spent >= OLD.spent))
       AND NEW.day <= (clock_timestamp() AT TIME ZONE 'UTC')::date THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'What a token has spent on a day only grows'
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'tokenceiling_spent_only_grows';
END $$;
CREATE TRIGGER tokenceiling_spent_only_grows BEFORE UPDATE ON wallets_tokenceiling FOR EACH ROW
    EXECUTE FUNCTION tokenceiling_updated();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wallets", "0014_limits"),
    ]

    operations = [
        migrations.CreateModel(
            name="TokenCeiling",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("currency", models.CharField(max_length=3)),
                ("per_payment", models.BigIntegerField(null=True)),
                ("per_day", models.BigIntegerField(null=True)),
                ("spent", models.BigIntegerField(default=0)),
                ("day", models.DateField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="apitoken",
            name="last_used_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="last_used_from",
            field=models.GenericIPAddressField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="questioned_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=20), default=["read", "move_money"], editable=False, size=None
            ),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="apitoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("scopes__contains", ["read"]), ("scopes__contained_by", ["read", "move_money"])),
                name="apitoken_scopes_known",
            ),
        ),
        migrations.AddField(
            model_name="tokenceiling",
            name="token",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="ceilings",
                to=settings.KNOX_TOKEN_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="tokenceiling",
            constraint=models.UniqueConstraint(fields=("token", "currency"), name="tokenceiling_one_per_currency"),
        ),
        migrations.AddConstraint(
            model_name="tokenceiling",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "currency__in",
                        [
                            "AED",
                            "AFN",
                            "ALL",
                            "AMD",
                            "AOA",
                            "ARS",
                            "AUD",
                            "AWG",
                            "AZN",
                            "BAM",
                            "BBD",
                            "BDT",
                            "BHD",
                            "BIF",
                            "BMD",
                            "BND",
                            "BOB",
                            "BRL",
                            "BSD",
                            "BTN",
                            "BWP",
                            "BYN",
                            "BZD",
                            "CAD",
                            "CDF",
                            "CHF",
                            "CLP",
                            "CNY",
                            "COP",
                            "CRC",
                            "CUP",
                            "CVE",
                            "CZK",
                            "DJF",
                            "DKK",
                            "DOP",
                            "DZD",
                            "EGP",
                            "ERN",
                            "ETB",
                            "EUR",
                            "FJD",
                            "FKP",
                            "GBP",
                            "GEL",
                            "GHS",
                            "GIP",
                            "GMD",
                            "GNF",
                            "GTQ",
                            "GYD",
                            "HKD",
                            "HNL",
                            "HTG",
                            "HUF",
                            "IDR",
                            "ILS",
                            "INR",
                            "IQD",
                            "IRR",
                            "ISK",
                            "JMD",
                            "JOD",
                            "JPY",
                            "KES",
                            "KGS",
                            "KHR",
                            "KMF",
                            "KPW",
                            "KRW",
                            "KWD",
                            "KYD",
                            "KZT",
                            "LAK",
                            "LBP",
                            "LKR",
                            "LRD",
                            "LSL",
                            "LYD",
                            "MAD",
                            "MDL",
                            "MGA",
                            "MKD",
                            "MMK",
                            "MNT",
                            "MOP",
                            "MRU",
                            "MUR",
                            "MVR",
                            "MWK",
                            "MXN",
                            "MYR",
                            "MZN",
                            "NAD",
                            "NGN",
                            "NIO",
                            "NOK",
                            "NPR",
                            "NZD",
                            "OMR",
                            "PAB",
                            "PEN",
                            "PGK",
                            "PHP",
                            "PKR",
                            "PLN",
                            "PYG",
                            "QAR",
                            "RON",
                            "RSD",
                            "RUB",
                            "RWF",
                            "SAR",
                            "SBD",
                            "SCR",
                            "SDG",
                            "SEK",
                            "SGD",
                            "SHP",
                            "SLE",
                            "SOS",
                            "SRD",
                            "SSP",
                            "STN",
                            "SVC",
                            "SYP",
                            "SZL",
                            "THB",
                            "TJS",
                            "TMT",
                            "TND",
                            "TOP",
                            "TRY",
                            "TTD",
                            "TWD",
                            "TZS",
                            "UAH",
                            "UGX",
                            "USD",
                            "UYU",
                            "UZS",
                            "VED",
                            "VES",
                            "VND",
                            "VUV",
                            "WST",
                            "XAF",
                            "XCD",
                            "XCG",
                            "XOF",
                            "XPF",
                            "YER",
                            "ZAR",
                            "ZMW",
                            "ZWG",
                        ],
                    )
                ),
                name="tokenceiling_currency_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="tokenceiling",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("per_payment__isnull", False), ("per_payment__range", (1, 999999999999999))),
                    models.Q(("per_day__isnull", False), ("per_payment", None)),
                    _connector="OR",
                ),
                name="tokenceiling_per_payment_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="tokenceiling",
            constraint=models.CheckConstraint(
                condition=models.Q(("per_day__range", (1, 999999999999999)), ("per_day", None), _connector="OR"),
                name="tokenceiling_per_day_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="tokenceiling",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("spent", 0),
                    models.Q(
                        ("day__isnull", False),
                        ("per_day__isnull", False),
                        ("spent__gt", 0),
                        ("spent__lte", models.F("per_day")),
                    ),
                    _connector="OR",
                ),
                name="tokenceiling_spent_within",
            ),
        ),
        migrations.RunSQL(
            sql=FOREIGN_KEY, reverse_sql="ALTER TABLE wallets_tokenceiling DROP CONSTRAINT tokenceiling_of_a_token"
        ),
        migrations.RunSQL(sql=ISSUE, reverse_sql=ISSUE_REVERSE),
        migrations.RunSQL(sql=USED, reverse_sql="DROP FUNCTION tokens_used"),
        migrations.RunSQL(sql=SPENT, reverse_sql="DROP FUNCTION tokenceiling_updated CASCADE"),
    ]
