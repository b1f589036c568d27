"""Deletes `RegistryGap`: every accepted transfer has its row in Postgres, so there is no registry that could miss one."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("transactions", "0007_registry_gap")]

    operations = [migrations.DeleteModel(name="RegistryGap")]
