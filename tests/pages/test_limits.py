"""The pages about spending limits."""

import pytest
from django.core import mail
from django.test import Client

from tests.pages.kit import fields_of, fill, forms_of, fresh, give, read, send, text_of, wallet_of
from tests.people import PASSWORD
from wallets.domain.security import SecurityEventKind
from wallets.models import User
from wallets.models.security import SecurityEvent
from wallets.models.sessions import BrowserSession
from wallets.spending import limits_reduce, limits_set

pytestmark = pytest.mark.django_db


def path_of(user: User) -> str:
    return f"/limits/{wallet_of(user).pk}/"


def limits_of(user: User) -> tuple[int | None, int | None]:
    wallet = wallet_of(user)
    return wallet.payment_limit, wallet.day_limit


def test_a_user_sets_limits_and_sees_what_is_left(alices: Client, alice: User, bob: User) -> None:
    give(alice, 10_000)
    response = fill(alices, path_of(alice), per_payment="20", per_day="50.00")
    assert response["Location"] == "/limits/"
    assert limits_of(alice) == (2_000, 5_000)
    fill(alices, "/withdraw/", amount="5")
    shown = read(alices, "/limits/")
    for words in ("$20.00", "$50.00", "$5.00", "$45.00", "$100.00"):
        assert words in shown
    assert fields_of(alices.get(path_of(alice)))["per_payment"] == "20"


def test_lowering_needs_no_password(alices: Client, alice: User) -> None:
    fill(alices, path_of(alice), per_day="50")
    fresh(alices, alice, age_s=3_600)
    fill(alices, path_of(alice), per_day="10", step_up_above="0")
    assert limits_of(alice) == (None, 1_000)
    assert wallet_of(alice).step_up_above == 0


@pytest.mark.parametrize("raised", [{"per_day": "60"}, {"per_day": ""}, {"step_up_above": "101"}])
def test_raising_asks_for_the_password_and_loses_nothing(alices: Client, alice: User, raised: dict[str, str]) -> None:
    fill(alices, path_of(alice), per_payment="20", per_day="50")
    fresh(alices, alice, age_s=3_600)
    asked = fill(alices, path_of(alice), **raised)
    assert asked["Location"] == f"/accounts/reauthenticate/?next=%2Flimits%2F{wallet_of(alice).pk}%2F%3Fcontinue"
    assert "raise your limits" in read(alices, asked["Location"])
    back = fill(alices, asked["Location"], password=PASSWORD)
    again = alices.get(back["Location"])
    assert "Nothing has been changed yet" in text_of(again)
    form = next(form for form in forms_of(again) if "per_day" in form)
    assert {name: form[name] for name in raised} == raised
    assert send(alices, path_of(alice), form)["Location"] == "/limits/"
    wallet = wallet_of(alice)
    assert wallet.next_limits_at is not None or wallet.step_up_above == 10_100


def test_a_scheduled_raise_is_shown_and_can_be_cancelled_without_a_password(alices: Client, alice: User) -> None:
    fill(alices, path_of(alice), per_day="50")
    fill(alices, path_of(alice), per_day="80")
    assert "$80.00 per day" in " ".join(read(alices, "/limits/").split())
    fresh(alices, alice, age_s=3_600)
    send(alices, path_of(alice), {"cancel": "1"})
    assert wallet_of(alice).next_limits_at is None
    assert limits_of(alice) == (None, 5_000)


def test_saving_something_else_keeps_a_scheduled_raise(alices: Client, alice: User) -> None:
    fill(alices, path_of(alice), per_day="50")
    fill(alices, path_of(alice), per_day="80")
    at = wallet_of(alice).next_limits_at
    form = next(form for form in forms_of(alices.get(path_of(alice))) if "per_day" in form)
    assert form["per_day"] == "80"
    send(alices, path_of(alice), form | {"step_up_above": "5"})
    assert wallet_of(alice).next_limits_at == at
    assert wallet_of(alice).step_up_above == 500


def test_every_change_is_recorded_and_mailed(alices: Client, alice: User) -> None:
    fill(alices, path_of(alice), per_day="50")
    event = SecurityEvent.objects.get(user=alice, kind="limits_changed")
    assert event.detail["per_day"] == "$50.00"
    (message,) = mail.outbox
    assert message.subject == "Your spending limits were changed"
    assert "Per day: $50.00" in message.body
    assert "/accounts/lock/" in message.body


@pytest.mark.parametrize("entered", ["-1", "abc", "1.234", "9999999999999999"])
def test_nonsense_is_refused_at_its_field(alices: Client, alice: User, entered: str) -> None:
    response = fill(alices, path_of(alice), per_day=entered)
    assert response.status_code == 422
    assert "Your limits were not changed" in text_of(response)


def test_another_users_limits_are_not_found(alices: Client, bob: User) -> None:
    assert alices.get(path_of(bob)).status_code == 404
    assert send(alices, path_of(bob), {"per_day": "1", "step_up_above": "1"}).status_code == 404


def test_the_review_refuses_what_is_above_a_limit_and_says_what_is_left(alices: Client, alice: User, bob: User) -> None:
    give(alice, 10_000)
    limits_set(owner=alice, wallet_id=wallet_of(alice).pk, per_payment=None, per_day=500)
    response = fill(alices, "/send/", recipient="bob", amount="5.01")
    assert response.status_code == 422
    assert "$5.00 is left until" in text_of(response)


def test_a_reset_in_a_browser_that_is_logged_in_is_a_reset_as_well(alices: Client, alice: User) -> None:
    """A thief who has the session and the mailbox does not need the password."""
    fill(alices, "/accounts/password/reset/", email="alice@example.com")
    link = next(word for word in mail.outbox[-1].body.split() if "/accounts/password/reset/key/" in word)
    page = alices.get("/" + link.split("/", 3)[3])["Location"]
    answered = send(alices, page, dict.fromkeys(["password1", "password2"], "eleven loud harbours at dusk"))

    assert alices.get(answered["Location"]).status_code == 200
    assert wallet_of(alice).reduced_until
    assert SecurityEvent.objects.filter(user=alice, kind=SecurityEventKind.PASSWORD_RESET).exists()
    assert not BrowserSession.objects.filter(user=alice).exists()


def test_a_reset_says_so_in_the_mail_and_on_the_page(alices: Client, alice: User) -> None:
    anybody = Client()
    fill(anybody, "/accounts/password/reset/", email="alice@example.com")
    link = next(word for word in mail.outbox[-1].body.split() if "/accounts/password/reset/key/" in word)
    page = anybody.get("/" + link.split("/", 3)[3])
    form = next(form for form in forms_of(anybody.get(page["Location"])) if "password1" in form or "password" in form)
    send(anybody, page["Location"], dict.fromkeys(form, "eleven loud harbours at dusk"))
    assert "at most this much can leave your wallets per day: $250.00" in mail.outbox[-1].body
    alice.refresh_from_db()
    alices.force_login(alice)
    assert "at most $250.00 per day" in " ".join(read(alices, "/limits/").split())


def test_a_reset_in_a_browser_that_is_signed_in_is_a_reset_all_the_same(alices: Client, alice: User) -> None:
    """A thief at an unlocked computer has the session and the mailbox, but not the password."""
    fill(alices, "/accounts/password/reset/", email="alice@example.com")
    link = next(word for word in mail.outbox[-1].body.split() if "/accounts/password/reset/key/" in word)
    page = alices.get("/" + link.split("/", 3)[3])
    form = next(form for form in forms_of(alices.get(page["Location"])) if "password1" in form or "password" in form)
    done = send(alices, page["Location"], dict.fromkeys(form, "eleven loud harbours at dusk"))
    assert done.status_code == 302
    assert wallet_of(alice).reduced_day_limit == 25_000
    assert "at most this much can leave your wallets per day: $250.00" in mail.outbox[-1].body
    assert alices.get("/limits/").status_code == 302


def test_a_password_change_reduces_nothing(alices: Client, alice: User) -> None:
    new = "eleven loud harbours at dusk"
    fill(alices, "/accounts/password/change/", oldpassword=PASSWORD, password1=new, password2=new)
    assert User.objects.get(pk=alice.pk).check_password(new)
    assert wallet_of(alice).reduced_until is None


def test_the_page_shows_a_reduction(alices: Client, alice: User) -> None:
    limits_reduce(user=alice)
    assert "Your password was reset" in read(alices, path_of(alice))
