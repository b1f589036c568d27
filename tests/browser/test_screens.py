"""Every page on small and large screens: nothing overflows, and every element has an accessible name."""

import pytest

from tests.browser.conftest import Visit
from tests.browser.person import Person
from tests.pages.kit import give, wallet_of
from transactions.models import Transaction
from transactions.recipients import TransferRequest
from transactions.services import transfer_create
from wallets.domain.mandates import Ceiling
from wallets.domain.money import AMOUNT_MAX
from wallets.models import User
from wallets.services import display_name_set, user_register, wallet_open
from wallets.spending import limits_reduce, limits_set
from wallets.tokens.services import token_issue, tokens_question

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STRANGERS_PAGES = [
    "/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/locked/",
    "/accounts/email/undo/x/",
    "/nowhere/",
]
PAGES = [
    "/",
    "/add/",
    "/withdraw/",
    "/send/",
    "/history/",
    "/history/?since=2030-01-02&until=2030-01-01",
    "/wallets/",
    "/tokens/",
    "/tokens/question/",
    "/settings/",
    "/settings/name/",
    "/limits/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/security/",
    "/accounts/security/lock/",
    "/accounts/sessions/",
    "/accounts/logout/",
]
LONG_NAME = "a-very-long-username.that_goes-on-and-on-for-sixty-four-chars-xx"

STICKS_OUT = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NAMELESS = """
[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea')]
  .filter(e => e.checkVisibility())
  .filter(e => !(e.innerText || e.labels?.length || e.getAttribute('aria-label')))
  .map(e => e.outerHTML)
"""
BROKEN_REFERENCES = """
[...document.querySelectorAll('[aria-describedby], [aria-labelledby]')]
  .flatMap(e => `${e.getAttribute('aria-describedby') || ''} ${e.getAttribute('aria-labelledby') || ''}`.split(/\\s+/))
  .filter(id => id && !document.getElementById(id))
"""
DOUBLE_IDS = """
(ids => ids.filter((id, i) => ids.indexOf(id) !== i))([...document.querySelectorAll('[id]')].map(e => e.id))
"""


def look_at(person: Person, path: str) -> None:
    person.opens(path)
    page = person.page
    assert page.evaluate(STICKS_OUT) <= 0, path
    assert page.locator("h1").count() == 1, path
    assert page.locator("main").count() == 1, path
    assert page.evaluate(NAMELESS) == [], path
    assert page.evaluate(BROKEN_REFERENCES) == [], path
    assert page.evaluate(DOUBLE_IDS) == [], path
    assert page.title().endswith("· Wallet"), path


@pytest.mark.parametrize(("width", "dark"), [(320, False), (360, True), (1280, False)])
def test_every_page_fits_the_screen_and_labels_its_parts(visit: Visit, alice: User, width: int, dark: bool) -> None:
    stranger = visit("stranger", width=width, dark=dark)
    for path in STRANGERS_PAGES:
        look_at(stranger, path)
    lived_in(alice)
    limits_reduce(user=alice)
    person = visit("alice", width=width, dark=dark)
    person.logs_in()
    transactions = [f"/transactions/{number}/" for number in Transaction.objects.values_list("id", flat=True)[:2]]
    yen = wallet_of(alice, "JPY").id
    for path in [*PAGES, f"/?wallet={yen}", f"/limits/{yen}/", *transactions]:
        look_at(person, path)


def lived_in(alice: User) -> None:
    """A wallet with the longest possible names, notes and amounts."""
    user_register(username=LONG_NAME, email="long@example.com", password="seven lanterns")
    wallet_open(owner=alice, currency="JPY")
    wallet_open(owner=alice, currency="KWD")
    ceilings = [Ceiling(currency=code, per_payment=AMOUNT_MAX, per_day=AMOUNT_MAX) for code in ("USD", "JPY", "KWD")]
    token_issue(user=alice, name="x" * 80, ceilings=ceilings)
    tokens_question(user=alice)
    for _ in range(9):
        give(alice, AMOUNT_MAX, currency="JPY", memo="w" * 200)
    yen = wallet_of(alice, "JPY").id
    limits_set(owner=alice, wallet_id=yen, per_payment=AMOUNT_MAX - 1, per_day=AMOUNT_MAX - 1)
    limits_set(owner=alice, wallet_id=yen, per_payment=AMOUNT_MAX, per_day=AMOUNT_MAX)
    give(alice, AMOUNT_MAX)
    transfer_create(
        actor=alice,
        request=TransferRequest(
            source_id=wallet_of(alice).id, recipient=LONG_NAME, amount=AMOUNT_MAX - 1, memo="m" * 200
        ),
    )


def test_the_longest_values_fit_the_review_too(visit: Visit, alice: User) -> None:
    lived_in(alice)
    give(alice, AMOUNT_MAX)
    person = visit("alice", width=320)
    person.logs_in()
    display_name_set(user=User.objects.get(username=LONG_NAME), name="W" * 64)
    person.reviews(LONG_NAME, "9999999999999.99", note="n" * 200)
    assert person.page.evaluate(STICKS_OUT) <= 0
