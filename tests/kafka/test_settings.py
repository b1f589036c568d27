"""What the settings refuse, and what they hand on to Kafka's clients."""

import os
import subprocess
import sys

from django.conf import settings as project
from pytest_django import Settings

from transactions.kafka.client import client_options


def test_a_channel_that_does_not_exist_is_refused_at_start() -> None:
    refused = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=project.BASE_DIR, capture_output=True, text=True, check=False,
        env=os.environ | {"TRANSFER_CHANNEL": "pigeons"}, timeout=60,
    )  # fmt: skip

    assert refused.returncode != 0
    assert "TRANSFER_CHANNEL is postgres or kafka, not 'pigeons'." in refused.stderr


def test_whoever_runs_the_site_has_the_last_word_on_how_kafka_is_reached(settings: Settings) -> None:
    settings.KAFKA_CLIENT_OPTIONS = {"security.protocol": "SASL_SSL", "linger.ms": "7"}

    options = client_options(linger_ms=1, acks="all")

    assert (options["security.protocol"], options["linger.ms"], options["acks"]) == ("SASL_SSL", "7", "all")
    assert options["bootstrap.servers"] == settings.KAFKA_BOOTSTRAP_SERVERS
