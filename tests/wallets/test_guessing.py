"""Wrong guesses at an account have one budget, in Postgres, whatever name and entry point they come through."""

from datetime import timedelta
from itertools import cycle

import pytest
from django.core import mail
from django.core.cache import cache
from django.db.models import F
from django.test import Client, RequestFactory
from django_redis import get_redis_connection

from tests.api.client import Api, assert_problem
from tests.people import PASSWORD, person
from wallets.auth import browsers
from wallets.auth.guessing import NOTICE_EVERY, budgets_delete_whole
from wallets.auth.sign_in import password_check
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.security import SecurityEventKind
from wallets.models import User
from wallets.models.security import GuessBudget, SecurityEvent

pytestmark = pytest.mark.django_db
QUOTA = 10


def guess(login: str = "alice", password: str = "wrong") -> str:
    """ "right", "wrong", or the code of the refusal."""
    try:
        found = password_check(login=login, password=password, request=None)
    except WalletError as error:
        return error.code
    return "wrong" if found is None else "right"


def guesses(count: int, *logins: str) -> list[str]:
    names = cycle(logins or ("alice",))
    return [guess(next(names)) for _ in range(count)]


def hours_pass(hours: float) -> None:
    later = timedelta(hours=hours)
    GuessBudget.objects.update(full_at=F("full_at") - later, noticed_at=F("noticed_at") - later)


def test_ten_wrong_guesses_exhaust_the_budget(alice: User) -> None:
    assert guesses(QUOTA + 2) == ["wrong"] * QUOTA + [ErrorCode.RATE_LIMITED] * 2
    assert guess(password=PASSWORD) == ErrorCode.RATE_LIMITED


def test_the_refusal_says_how_long_to_wait(alice: User) -> None:
    guesses(QUOTA)

    with pytest.raises(WalletError) as refused:
        password_check(login="alice", password=PASSWORD, request=None)

    assert refused.value.retry_after_s is not None
    assert 350 <= refused.value.retry_after_s <= 360


def test_all_names_of_an_account_share_its_budget(alice: User, bob: User) -> None:
    answers = guesses(QUOTA + 1, "alice", "alice@example.com", "ALICE", " Alice@Example.com ")

    assert answers.index(ErrorCode.RATE_LIMITED) == QUOTA
    assert guess("bob", PASSWORD) == "right"


def test_page_and_api_share_the_budget(alice: User) -> None:
    for _ in range(QUOTA // 2):
        Client().post("/accounts/login/", {"login": "alice", "password": "wrong"})
        Api().post("/auth/login", {"username": "alice@example.com", "password": "wrong"})

    refused = Api().post("/auth/login", {"username": "alice", "password": PASSWORD})
    assert_problem(refused, "rate_limited", 429)
    assert 1 <= int(refused["Retry-After"]) <= 360
    page = Client().post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert page.status_code == 429
    assert 1 <= int(page["Retry-After"]) <= 360
    assert "Too many attempts" in page.content.decode()


def test_right_passwords_cost_nothing_and_give_a_guesser_nothing_back(alice: User) -> None:
    guesses(QUOTA - 1)
    assert [guess(password=PASSWORD) for _ in range(3 * QUOTA)] == ["right"] * 3 * QUOTA

    assert guesses(2) == ["wrong", ErrorCode.RATE_LIMITED]


def test_one_guess_flows_back_every_six_minutes(alice: User) -> None:
    guesses(QUOTA)
    hours_pass(0.11)
    assert guesses(2) == ["wrong", ErrorCode.RATE_LIMITED]

    hours_pass(24)
    assert guesses(QUOTA + 1)[-1] == ErrorCode.RATE_LIMITED


def test_wiping_redis_gives_no_guess_back(alice: User) -> None:
    guesses(QUOTA)
    cache.clear()
    get_redis_connection().flushall()

    assert guess() == ErrorCode.RATE_LIMITED


def test_a_guess_that_failed_for_another_reason_does_not_count(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise WalletError(ErrorCode.UNAVAILABLE, retry_after_s=1)

    with monkeypatch.context() as patch:
        patch.setattr("wallets.auth.sign_in._hash_once", busy)
        assert guesses(2 * QUOTA) == [ErrorCode.UNAVAILABLE] * 2 * QUOTA

    assert guesses(QUOTA) == ["wrong"] * QUOTA


@pytest.mark.parametrize("login", ["nobody", "nobody@example.com"])
def test_an_unknown_name_is_answered_like_a_known_one(alice: User, login: str) -> None:
    def answers(name: str) -> list[tuple[int, bytes]]:
        tries = (Api().post("/auth/login", {"username": name, "password": "wrong"}) for _ in range(QUOTA + 1))
        return [(answer.status_code, answer.content) for answer in tries]

    known, unknown = answers("alice"), answers(login)

    assert known[:-1] == unknown[:-1]
    assert known[-1][0] == unknown[-1][0] == 429


def test_an_unknown_name_is_stored_only_as_a_keyed_hash(db: None) -> None:
    guess("Somebody@Example.com")

    (budget,) = GuessBudget.objects.all()
    assert "somebody" not in budget.key.lower()
    guess(" somebody@example.com")
    assert GuessBudget.objects.count() == 1


def test_budgets_that_are_whole_again_are_deleted(alice: User) -> None:
    guesses(1, "nobody")
    guesses(QUOTA + 1)
    assert budgets_delete_whole() == 0

    hours_pass(2)
    # Alice's says when she was last told.
    assert budgets_delete_whole() == 1
    hours_pass(23)
    assert budgets_delete_whole() == 1


def test_the_owner_is_told_once_a_day(alice: User) -> None:
    for _ in range(QUOTA + 5):
        Api().post("/auth/login", {"username": "alice", "password": "wrong"})
    assert [message.subject for message in mail.outbox] == ["Someone is trying to log in to your account"]
    assert mail.outbox[0].to == ["alice@example.com"]

    hours_pass(NOTICE_EVERY / timedelta(hours=1) - 0.5)
    for _ in range(QUOTA + 5):
        Api().post("/auth/login", {"username": "alice", "password": "wrong"})
    assert len(mail.outbox) == 1

    hours_pass(1)
    for _ in range(QUOTA + 5):
        Api().post("/auth/login", {"username": "alice", "password": "wrong"})
    assert len(mail.outbox) == 2


def test_nobody_is_told_about_an_unknown_name(db: None) -> None:
    for _ in range(QUOTA + 5):
        Api().post("/auth/login", {"username": "nobody@example.com", "password": "wrong"})

    assert mail.outbox == []


def test_wrong_guesses_are_in_the_security_log_and_refused_ones_are_not(alice: User) -> None:
    guesses(2 * QUOTA)

    kinds = list(SecurityEvent.objects.filter(user=alice).values_list("kind", flat=True))
    assert kinds.count(SecurityEventKind.SIGN_IN_FAILED) == QUOTA
    assert kinds.count(SecurityEventKind.GUESSING_STOPPED) == 1


# --- Known browsers ---


def page_login(client: Client, login: str = "alice", password: str = PASSWORD) -> int:
    return client.post("/accounts/login/", {"login": login, "password": password}).status_code


@pytest.fixture
def alices_own(alice: User) -> Client:
    """A browser in which Alice has signed in, and out again."""
    client = Client()
    assert page_login(client) == 302
    client.post("/accounts/logout/")
    mail.outbox.clear()
    return client


def test_guesses_from_elsewhere_do_not_lock_out_a_browser_that_the_owner_has_used(alices_own: Client) -> None:
    guesses(2 * QUOTA)

    assert page_login(Client()) == 429
    assert page_login(alices_own) == 302


def test_a_known_browser_has_a_budget_of_its_own(alices_own: Client) -> None:
    answers = [page_login(alices_own, password="wrong") for _ in range(QUOTA + 1)]
    assert answers == [200] * QUOTA + [429]

    assert page_login(Client()) == 302


def test_signing_in_again_gives_a_known_browser_no_new_budget(alices_own: Client) -> None:
    for _ in range(QUOTA - 1):
        page_login(alices_own, password="wrong")
    assert page_login(alices_own) == 302
    alices_own.post("/accounts/logout/")

    assert [page_login(alices_own, password="wrong") for _ in range(2)] == [200, 429]


def test_a_browser_is_known_to_the_accounts_that_signed_in_there_only(alices_own: Client, bob: User) -> None:
    guesses(QUOTA, "bob")

    assert page_login(alices_own, "bob") == 429


def test_a_browser_may_be_known_to_several_accounts(alices_own: Client, bob: User) -> None:
    assert page_login(alices_own, "bob") == 302
    alices_own.post("/accounts/logout/")
    guesses(2 * QUOTA, "bob", "alice")

    assert page_login(alices_own, "bob") == 302
    alices_own.post("/accounts/logout/")
    assert page_login(alices_own, "alice") == 302


def test_a_new_password_makes_other_browsers_unknown(alices_own: Client, alice: User) -> None:
    alice.set_password("another good phrase")
    alice.save()
    guesses(QUOTA)

    assert page_login(alices_own, password="another good phrase") == 429


def test_the_browser_in_which_the_password_was_reset_is_known(alice: User) -> None:
    client = Client()
    client.post("/accounts/password/reset/", {"email": "alice@example.com"})
    link = next(word for word in str(mail.outbox[0].body).split() if "/reset/key/" in word)
    form = client.get(link, follow=True).wsgi_request.path
    client.post(form, {"password1": "another good phrase", "password2": "another good phrase"})
    guesses(QUOTA)

    assert page_login(client, password="another good phrase") == 302


@pytest.mark.parametrize("cookie", ["", "made up", "W1sxLCJhIiwiYiJdXQ:1abc:forged", "x" * 5_000])
def test_a_forged_cookie_makes_no_browser_known(alice: User, cookie: str) -> None:
    guesses(QUOTA)
    client = Client()
    client.cookies["known-browser"] = cookie

    assert page_login(client) == 429


def test_the_cookie_says_nothing_about_the_password_and_no_script_reads_it(alices_own: Client, alice: User) -> None:
    morsel = alices_own.cookies["known-browser"]

    assert morsel["httponly"]
    assert morsel["samesite"] == "Lax"
    assert int(morsel["max-age"]) == 365 * 24 * 3600
    alice.refresh_from_db()
    assert alice.password not in morsel.value
    assert "alice" not in morsel.value


def test_a_browser_remembers_only_a_few_accounts(db: None) -> None:
    users = [person(f"user{number}") for number in range(7)]
    request = RequestFactory().get("/")
    for user in users:
        browsers.browser_remember(request, user)

    assert [browsers.browser_known(request, user) is not None for user in users] == [False, False] + [True] * 5


def test_over_the_api_no_browser_is_known(alices_own: Client) -> None:
    guesses(QUOTA)

    answer = alices_own.post("/api/v1/auth/login", {"username": "alice", "password": PASSWORD}, "application/json")
    assert answer.status_code == 429
    assert "known-browser" not in answer.cookies


# --- Asking again for the password, in a session ---


def test_guesses_in_an_unattended_browser_count_too(alice: User, client: Client) -> None:
    client.force_login(alice)
    wrong = {"oldpassword": "wrong", "password1": "another good phrase", "password2": "another good phrase"}
    for _ in range(QUOTA // 2):
        client.post("/accounts/password/change/", wrong)
        client.post("/accounts/reauthenticate/", {"password": "wrong"})

    assert client.post("/accounts/password/change/", wrong | {"oldpassword": PASSWORD}).status_code == 429
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 429
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
