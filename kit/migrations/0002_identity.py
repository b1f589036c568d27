"""Gives the database an identity: a random id that tells it from all others. `kit/redis/identity.py` reads it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("kit", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE kit_identity (
                -- Rule: a database has one identity.
                is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
                id uuid NOT NULL DEFAULT gen_random_uuid(),
                since timestamptz NOT NULL DEFAULT now()
            );
            INSERT INTO kit_identity DEFAULT VALUES;
            """,
            reverse_sql="DROP TABLE kit_identity",
        ),
    ]
