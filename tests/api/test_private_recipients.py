"""What a sender learns about a recipient whose email they know, and a recipient about a sender."""

import pytest

from tests.api.client import Person, json_of
from tests.pages.kit import settle
from transactions.models import Transaction
from transactions.reads import unposted_read
from wallets.selectors import wallet_view_get
from wallets.services import wallet_freeze

pytestmark = pytest.mark.django_db(transaction=True)

TRANSFERS = "/api/v2/transfers"


def sent(alice: Person, recipient: str, amount: int = 5) -> str:
    """Submits a transfer. Returns its URL."""
    response = alice.api.post(
        TRANSFERS, {"source": str(alice.wallet.pk), "recipient": recipient, "amount": amount}, Idempotency_Key="lunch"
    )
    assert response.status_code == 202
    return str(response["Location"])


@pytest.mark.parametrize("email", ["bob@example.com", "BOB\N{FULLWIDTH COMMERCIAL AT}example.com"])
def test_an_accepted_transfer_to_an_email_hides_the_username(alice: Person, bob: Person, email: str) -> None:
    """Accepting takes no money, so it must reveal no more than a preview."""
    response = alice.api.post(TRANSFERS, {"source": str(alice.wallet.pk), "recipient": email, "amount": 5})
    url = response["Location"]
    assert json_of(response)["destination"] == {"wallet": str(bob.wallet.pk), "owner": None}
    assert json_of(alice.api.get(url))["destination"]["owner"] is None
    settle()
    failed = json_of(alice.api.get(url))
    assert (failed["failure"]["code"], failed["destination"]["owner"]) == ("insufficient_funds", None)
    view = wallet_view_get(owner=alice.user, wallet_id=alice.wallet.pk)
    assert [row["destination"]["owner"] for row in unposted_read(wallet=view).failed] == [None]


def test_the_username_is_there_once_the_transfer_is_posted(alice: Person, bob: Person) -> None:
    alice.deposit(100)
    url = sent(alice, "bob@example.com")
    settle()
    assert json_of(alice.api.get(url))["destination"]["owner"] == "bob"


def test_a_sender_who_knew_the_username_keeps_reading_it(alice: Person, bob: Person) -> None:
    url = sent(alice, "bob")
    assert json_of(alice.api.get(url))["destination"]["owner"] == "bob"
    settle()
    assert json_of(alice.api.get(url))["destination"]["owner"] == "bob"


def test_a_replay_by_key_hides_the_username_too(alice: Person, bob: Person) -> None:
    sent(alice, "bob@example.com")
    (found,) = json_of(alice.api.get("/transactions?idempotency_key=lunch"))["results"]
    assert found["destination"]["owner"] is None


def test_the_recipient_does_not_learn_why_a_transfer_failed(alice: Person, bob: Person) -> None:
    url = sent(alice, "bob")
    settle()
    assert json_of(alice.api.get(url))["failure"]["code"] == "insufficient_funds"
    assert json_of(bob.api.get(url))["failure"]["code"] == "settlement_failed"


@pytest.mark.parametrize("path", ["/transfers", TRANSFERS])
def test_the_sender_does_not_learn_why_the_recipient_cannot_receive(alice: Person, bob: Person, path: str) -> None:
    alice.deposit(100)
    wallet_freeze(wallet_id=bob.wallet.pk, actor=alice.user, reason="lost phone")
    answer = alice.api.post(path, {"source": str(alice.wallet.pk), "recipient": "bob", "amount": 5})
    if path == TRANSFERS:
        settle()
        failure = json_of(alice.api.get(answer["Location"]))["failure"]
        assert failure == {"code": "recipient_cannot_receive", "detail": "The recipient cannot receive this transfer."}
    else:
        assert json_of(answer)["detail"] == "The recipient cannot receive this transfer."
        assert not Transaction.objects.filter(kind="transfer").exists()
