"""Accepted transfers have their row in Postgres, whatever the channel: nothing is missing from a registry any more."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("transactions", "0007_registry_gap")]

    operations = [migrations.DeleteModel(name="RegistryGap")]
