"""The triggers that write the outbox do so with the rights of the tables' owner, so that no other role needs any.

Their search_path is fixed already (migration 0006).
"""

from django.db import migrations

FUNCTIONS = ("settled_events_of_entries()", "settled_events_of_failures()")


class Migration(migrations.Migration):
    dependencies = [("transactions", "0011_private_recipients")]

    operations = [
        migrations.RunSQL(
            sql=[f"ALTER FUNCTION {function} SECURITY DEFINER" for function in FUNCTIONS],
            reverse_sql=[f"ALTER FUNCTION {function} SECURITY INVOKER" for function in FUNCTIONS],
        )
    ]
