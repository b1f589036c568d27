"""The example in docs/grpc-client.md works against a real server."""

import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

from tests.people import funded
from tests.rpc.server import GrpcServer
from tests.settlement.transfers import drain
from tests.settlement.waiting import wait_until
from wallets.tokens.services import token_issue

ROOT = settings.BASE_DIR


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", (ROOT / "docs" / "grpc-client.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.django_db(transaction=True)
def test_the_example_prints_what_the_page_shows(grpc_server: GrpcServer) -> None:
    wallet = funded("alice")
    funded("bob")
    assert wallet.owner is not None
    _, token = token_issue(user=wallet.owner, name="test")
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", block("python")],
        env=os.environ
        | {"PYTHONPATH": str(ROOT / "clients" / "python"), "WALLET_TARGET": grpc_server.target, "WALLET_TOKEN": token},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    def is_done() -> bool:
        # Settles the submitted transfers in place of a worker.
        drain(wallet)
        return process.poll() is not None

    wait_until(is_done, what="the example is done")
    printed, _ = process.communicate()
    assert printed == block("text")
