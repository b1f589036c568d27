"""Limits and step-up authentication at a site that uses the wallet service: its role may not even read wallets."""

from tests.pages.kit import fields_of, fill, give, send, text_of
from tests.people import PASSWORD, wallet_of
from tests.wallet_service.site import Visitor
from wallets.auth.sessions.engine import SessionStore
from wallets.models import User
from wallets.models.security import SecurityEvent


def left_alone(visitor: Visitor) -> None:
    """An hour passes since the password was entered."""
    session = SessionStore(visitor.cookies["sessionid"])
    for record in session["account_authentication_methods"]:
        record["at"] -= 3_600
    session.modified = True
    session.save()


def test_a_user_sets_limits_and_raises_them_after_the_password(alices: Visitor, alice: User) -> None:
    path = f"/limits/{wallet_of(alice).pk}/"
    assert fill(alices, path, per_day="50", step_up_above="20")["Location"] == "/limits/"  # type: ignore[arg-type]
    wallet = wallet_of(alice)
    assert (wallet.day_limit, wallet.step_up_above) == (5_000, 2_000)
    assert SecurityEvent.objects.filter(user=alice, kind="limits_changed").count() == 2
    left_alone(alices)
    asked = fill(alices, path, per_day="60")  # type: ignore[arg-type]
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    back = fill(alices, asked["Location"], password=PASSWORD)  # type: ignore[arg-type]
    form = fields_of(alices.get(back["Location"]))
    assert send(alices, path, form)["Location"] == "/limits/"  # type: ignore[arg-type]
    assert wallet_of(alice).next_day_limit == 6_000
    assert "$60.00 per day" in " ".join(text_of(alices.get("/limits/")).split())


def test_a_first_payment_and_a_withdrawal_ask_for_the_password(alices: Visitor, alice: User, bob: User) -> None:
    give(alice, 10_000)
    left_alone(alices)
    fill(alices, "/send/", recipient="bob", amount="1")  # type: ignore[arg-type]
    review = fields_of(alices.get("/send/review/"))
    assert send(alices, "/send/review/", review)["Location"].startswith("/accounts/reauthenticate/")  # type: ignore[arg-type]
    assert fill(alices, "/withdraw/", amount="1")["Location"].startswith("/accounts/reauthenticate/")  # type: ignore[arg-type]
    fill(alices, "/accounts/reauthenticate/", password=PASSWORD)  # type: ignore[arg-type]
    assert send(alices, "/send/review/", review)["Location"].startswith("/transactions/")  # type: ignore[arg-type]
    left_alone(alices)
    again = fill(alices, "/send/", recipient="bob", amount="100")  # type: ignore[arg-type]
    assert again.status_code == 422
    fill(alices, "/send/", recipient="bob", amount="2")  # type: ignore[arg-type]
    review = fields_of(alices.get("/send/review/"))
    assert send(alices, "/send/review/", review)["Location"].startswith("/transactions/")  # type: ignore[arg-type]


def test_a_payment_beyond_a_limit_is_refused_in_the_form(alices: Visitor, alice: User, bob: User) -> None:
    give(alice, 10_000)
    fill(alices, f"/limits/{wallet_of(alice).pk}/", per_payment="5")  # type: ignore[arg-type]
    response = fill(alices, "/send/", recipient="bob", amount="5.01")  # type: ignore[arg-type]
    assert response.status_code == 422
    assert "Your limit per payment is $5.00." in text_of(response)
