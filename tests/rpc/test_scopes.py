"""What API tokens may do over gRPC."""

import pytest

from tests.rpc.conftest import Person
from transactions.rpc.methods import METHODS
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.mandates import Scope
from wallets.tokens.services import token_issue


@pytest.fixture
def reader(alice: Person) -> Person:
    """Alice with a token that may only read."""
    _, alice.calls.token = token_issue(user=alice.user, name="reader", scopes=[Scope.READ])
    return alice


def test_every_method_names_the_scope_that_it_needs() -> None:
    assert {name: method.scope for name, method in METHODS.items()} == {
        name: Scope.READ if name.startswith(("Get", "List")) else Scope.MOVE_MONEY for name in METHODS
    }


def test_a_token_that_may_only_read_is_refused_everything_else(reader: Person) -> None:
    for name, method in METHODS.items():
        refusal = None if name == "ListWallets" else reader.calls.refused(name, method.request())
        expected = "insufficient_scope" if method.scope == Scope.MOVE_MONEY else "malformed"
        assert refusal is None or (name, refusal.code) == (name, expected)
        if refusal is not None and method.scope == Scope.MOVE_MONEY:
            assert refusal.status.name == "PERMISSION_DENIED"
            assert "move_money" in refusal.message


def test_a_token_that_may_only_read_lists_and_watches(reader: Person) -> None:
    assert len(reader.calls.call("ListWallets", pb.ListWalletsRequest()).wallets) == 1
    watch = reader.calls.watch(reader.wallet_id)
    assert watch.next().id == reader.wallet_id
    watch.call.cancel()
