"""Email addresses and names at a site that uses the wallet service: its role may change them."""

from allauth.account.models import EmailAddress, EmailConfirmationHMAC

from tests.pages.kit import fill
from tests.people import PASSWORD
from tests.wallet_service.site import Visitor
from wallets.addresses import _hashed, address_request
from wallets.models import EmailChange, User


def test_a_user_changes_the_email_and_the_old_one_undoes_it(client: Visitor, alice: User) -> None:
    pending = address_request(user=User.objects.get(pk=alice.pk), email="new@example.com")
    link = EmailConfirmationHMAC.create(pending).key
    assert fill(client, f"/accounts/confirm-email/{link}/").status_code == 302  # type: ignore[arg-type]
    alice.refresh_from_db()
    assert alice.email == "new@example.com"
    # The key is only in the mail, which the other process has sent.
    EmailChange.objects.filter(user=alice).update(key_hash=_hashed("known"))
    assert fill(client, "/accounts/email/undo/known/").status_code == 302  # type: ignore[arg-type]
    alice.refresh_from_db()
    assert (alice.email, alice.has_usable_password()) == ("alice@example.com", False)
    assert not EmailChange.objects.exists()


def test_a_user_asks_for_another_email_and_changes_the_name(alices: Visitor, alice: User) -> None:
    fill(alices, "/accounts/reauthenticate/", password=PASSWORD)  # type: ignore[arg-type]
    entered = {"email": "new@example.com", "action_add": ""}
    assert fill(alices, "/accounts/email/", **entered).status_code == 302  # type: ignore[arg-type]
    assert EmailAddress.objects.filter(user=alice, email="new@example.com", verified=False).exists()
    assert fill(alices, "/settings/name/", display_name="Alice B.")["Location"] == "/settings/"  # type: ignore[arg-type]
    alice.refresh_from_db()
    assert alice.shown_name == "Alice B."
