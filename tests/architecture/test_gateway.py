"""Entry points ask the gateway, wherever the books are kept: one that went past it would find no rights there."""

import inspect

import pytest

from tests.architecture.test_module_rules import imported, modules
from transactions.gateway.local import Gateway
from transactions.gateway.remote import RemoteGateway
from wallets.gateway import WalletGateway

ENTRY_POINTS = (
    *(
        "wallets/api/",
        "wallets/views/wallets.py",
        "wallets/views/tokens.py",
        "wallets/auth/adapters.py",
        "wallets/forms/wallets.py",
        "dashboard/",
    ),
    *("transactions/api/", "transactions/views/", "transactions/forms.py"),
)
QUESTIONS = sorted(name for kind in (WalletGateway, Gateway) for name in vars(kind) if not name.startswith("_"))
BELOW = (
    *("wallets.selectors", "wallets.services"),
    *("transactions.selectors", "transactions.services", "transactions.reads", "transactions.previews"),
)


def test_no_entry_point_goes_past_the_gateway() -> None:
    past = {f"{module}.{question}" for module in BELOW for question in QUESTIONS}
    past |= {"wallets.selectors.wallet_get", "transactions.models.Job"}
    seen = 0
    for path, tree in modules():
        if path.startswith(ENTRY_POINTS):
            seen += 1
            assert not imported(tree) & past, path
    assert seen > 20


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_its_call_to_the_wallet_service(question: str) -> None:
    local, remote = getattr(Gateway, question), getattr(RemoteGateway, question)

    assert question in vars(RemoteGateway), "It would be asked in a database without the rights to answer."
    assert list(inspect.signature(remote).parameters) == list(inspect.signature(local).parameters)
