"""The methods of the service, over a real socket."""

from google.protobuf.message import Message

from tests.rpc.caller import SERVICE
from tests.rpc.conftest import Person
from transactions.rpc.admission import WATCH
from transactions.rpc.methods import METHODS
from wallet_proto.v1 import wallet_pb2 as pb


def usd(minor_units: int) -> pb.Money:
    return pb.Money(minor_units=minor_units, currency="USD")


def test_every_method_of_the_contract_is_implemented() -> None:
    methods = pb.DESCRIPTOR.services_by_name[SERVICE.rpartition(".")[2]].methods_by_name

    assert {*METHODS, WATCH} == set(methods.keys())
    assert {name: method.request.DESCRIPTOR.name for name, method in METHODS.items()} == {
        name: method.input_type.name for name, method in methods.items() if name != WATCH
    }


def test_money_is_deposited_sent_and_withdrawn(alice: Person, bob: Person) -> None:
    deposited = alice.calls.call(
        "Deposit", pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(1_000), memo=" Pay ")
    )
    sent = alice.calls.call("Transfer", pb.TransferRequest(source=alice.wallet_id, recipient="bob", amount=usd(300)))
    taken = bob.calls.call("Withdraw", pb.WithdrawRequest(wallet_id=bob.wallet_id, amount=usd(100)))

    assert deposited.transaction.kind == pb.TRANSACTION_KIND_DEPOSIT
    assert deposited.transaction.memo == "Pay"
    assert not deposited.transaction.HasField("source")
    assert deposited.transaction.destination == pb.Side(wallet_id=alice.wallet_id, owner="alice")
    assert sent.transaction.status == pb.TRANSACTION_STATUS_POSTED
    assert sent.transaction.amount == usd(300)
    assert sent.transaction.HasField("settled_at")
    assert taken.transaction.kind == pb.TRANSACTION_KIND_WITHDRAWAL
    assert (alice.balance(), bob.balance()) == (700, 200)


def test_a_repeated_deposit_or_withdrawal_moves_money_once(alice: Person) -> None:
    requests: dict[str, Message] = {
        "Deposit": pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(100), idempotency_key="pay"),
        "Withdraw": pb.WithdrawRequest(wallet_id=alice.wallet_id, amount=usd(30), idempotency_key="cash"),
    }
    for method, request in requests.items():
        first, again = (alice.calls.call(method, request) for _ in range(2))

        assert (first.replayed, again.replayed) == (False, True), method
        assert again.transaction == first.transaction
    assert alice.balance() == 70
