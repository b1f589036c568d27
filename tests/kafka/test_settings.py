"""What the settings refuse, and what they hand on to Kafka's clients."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as project
from pytest_django import Settings

from transactions.channels.kafka.client import client_options
from transactions.events import publisher


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TRANSFER_CHANNEL", "pigeons", "TRANSFER_CHANNEL is 'pigeons'. It must be one of celery, kafka, postgres."),
        ("KAFKA_RETENTION_S", "0", "KAFKA_RETENTION_S is '0'. It must be a whole number from 1 to"),
    ],
)
def test_what_cannot_work_is_refused_at_start(name: str, value: str, words: str) -> None:
    refused = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=project.BASE_DIR, capture_output=True, text=True, check=False,
        env=os.environ | {name: value}, timeout=60,
    )  # fmt: skip

    assert refused.returncode != 0
    assert words in refused.stderr


def test_events_wait_for_all_replicas_and_keep_the_order_of_a_wallet() -> None:
    options = publisher._options()

    assert (options["acks"], options["enable.idempotence"]) == ("all", True)
    assert options["partitioner"] == "murmur2_random"


def test_the_options_of_the_environment_override_the_sites_own(settings: Settings) -> None:
    settings.KAFKA_CLIENT_OPTIONS = {"security.protocol": "SASL_SSL", "linger.ms": "7"}

    options = client_options(linger_ms=1, acks="all")

    assert (options["security.protocol"], options["linger.ms"], options["acks"]) == ("SASL_SSL", "7", "all")
    assert options["bootstrap.servers"] == settings.KAFKA_BOOTSTRAP_SERVERS
