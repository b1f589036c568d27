"""What the settings refuse, and what they hand on to Kafka's clients."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as project
from pytest_django import Settings

from transactions.channels.kafka import producer
from transactions.channels.kafka.client import client_options
from transactions.events import publisher


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TRANSFER_CHANNEL", "pigeons", "TRANSFER_CHANNEL is postgres or kafka, not 'pigeons'."),
        ("KAFKA_RETENTION_S", "0", "KAFKA_RETENTION_S is 1 or more."),
    ],
)
def test_what_cannot_work_is_refused_at_start(name: str, value: str, words: str) -> None:
    refused = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=project.BASE_DIR, capture_output=True, text=True, check=False,
        env=os.environ | {name: value}, timeout=60,
    )  # fmt: skip

    assert refused.returncode != 0
    assert words in refused.stderr


@pytest.mark.parametrize("options", [producer._options(), publisher._options()], ids=["transfers", "events"])
def test_producers_wait_for_all_replicas_and_keep_the_order_of_a_wallet(options: dict[str, object]) -> None:
    assert (options["acks"], options["enable.idempotence"]) == ("all", True)
    assert options["partitioner"] == "murmur2_random"


def test_whoever_runs_the_site_has_the_last_word_on_how_kafka_is_reached(settings: Settings) -> None:
    settings.KAFKA_CLIENT_OPTIONS = {"security.protocol": "SASL_SSL", "linger.ms": "7"}

    options = client_options(linger_ms=1, acks="all")

    assert (options["security.protocol"], options["linger.ms"], options["acks"]) == ("SASL_SSL", "7", "all")
    assert options["bootstrap.servers"] == settings.KAFKA_BOOTSTRAP_SERVERS
