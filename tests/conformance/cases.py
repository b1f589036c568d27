"""Transfer requests, and the outcome that each of them must have at every entry point."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.conformance.channels import Wish
from tests.conformance.world import World
from wallets.domain.money import AMOUNT_MAX, BALANCE_MAX
from wallets.services import user_register, wallet_close, wallet_freeze
from wallets.spending import limits_set
from wallets.tokens.services import tokens_revoke_all

Prepare = Callable[[World], Wish]


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and the code and the fields of its refusal. Without a code, the transfer must be posted."""

    name: str
    prepare: Prepare
    code: str
    fields: frozenset[str]


CASES: list[Case] = []


def case(code: str = "", *fields: str) -> Callable[[Prepare], Prepare]:
    def register(prepare: Prepare) -> Prepare:
        CASES.append(Case(prepare.__name__, prepare, code, frozenset(fields)))
        return prepare

    return register


def wish(world: World, **changes: object) -> Wish:
    """A request to send 5 cents from Alice to Bob, with the given changes."""
    usual = {"source": world.alice.wallet_id, "recipient": world.bob.name, "amount": 5}
    return Wish(**{**usual, **changes})  # type: ignore[arg-type]


@case()
def to_a_username(world: World) -> Wish:
    return wish(world)


@case()
def to_a_username_in_upper_case_with_spaces(world: World) -> Wish:
    return wish(world, recipient=f"  {world.bob.name.upper()} ")


@case()
def to_an_email_address(world: World) -> Wish:
    return wish(world, recipient=world.bob.user.email)


@case()
def to_a_wallet(world: World) -> Wish:
    return wish(world, recipient=None, destination=world.bob.wallet_id)


@case()
def with_a_memo_and_space_around_it(world: World) -> Wish:
    return wish(world, memo="  Lunch 🍜 ")


@case()
def the_whole_balance(world: World) -> Wish:
    return wish(world, amount=1_000)


@case("insufficient_funds")
def a_cent_more_than_the_balance(world: World) -> Wish:
    return wish(world, amount=1_001)


@case("spending_limit_exceeded")
def a_cent_more_than_the_limit_per_payment(world: World) -> Wish:
    _limited(world, per_payment=4)
    return wish(world)


@case("spending_limit_exceeded")
def a_cent_more_than_the_limit_per_day_and_than_the_balance(world: World) -> Wish:
    _limited(world, per_day=1_000)
    return wish(world, amount=1_001)


@case()
def up_to_the_limits(world: World) -> Wish:
    _limited(world, per_payment=5, per_day=5)
    return wish(world)


def _limited(world: World, *, per_payment: int | None = None, per_day: int | None = None) -> None:
    wallet = world.alice.wallet
    limits_set(owner=world.alice.user, wallet_id=wallet.pk, per_payment=per_payment, per_day=per_day)


@case("wallet_frozen")
def from_a_frozen_wallet(world: World) -> Wish:
    wallet_freeze(wallet_id=world.alice.wallet.pk, actor=world.bob.user, reason="lost phone")
    return wish(world)


@case("recipient_cannot_receive")
def to_a_frozen_wallet(world: World) -> Wish:
    wallet_freeze(wallet_id=world.bob.wallet.pk, actor=world.alice.user, reason="lost phone")
    return wish(world)


@case("recipient_cannot_receive")
def to_a_closed_wallet(world: World) -> Wish:
    wallet_close(wallet_id=world.bob.wallet.pk, actor=world.alice.user, reason="moved away")
    return wish(world)


@case("insufficient_funds")
def a_cent_more_than_the_balance_to_a_frozen_wallet(world: World) -> Wish:
    """Only who could pay learns that the recipient cannot receive."""
    wallet_freeze(wallet_id=world.bob.wallet.pk, actor=world.alice.user, reason="lost phone")
    return wish(world, amount=1_001)


@case("recipient_not_found")
def to_an_unconfirmed_email_address(world: World) -> Wish:
    number = world.bob.user.pk
    user_register(username=f"charlie{number}", email=f"charlie{number}@example.com", password="-")
    return wish(world, recipient=f"charlie{number}@example.com")


@case()
def to_an_email_address_in_wide_letters(world: World) -> Wish:
    return wish(
        world, recipient=(world.bob.user.email or "").upper().replace("B", "\N{FULLWIDTH LATIN CAPITAL LETTER B}")
    )


@case("currency_mismatch")
def to_a_wallet_of_another_currency(world: World) -> Wish:
    return wish(world, recipient=None, destination=world.bob.open("EUR"))


@case("same_wallet")
def to_the_same_wallet(world: World) -> Wish:
    return wish(world, recipient=world.alice.name)


@case("recipient_cannot_receive")
def to_a_full_wallet(world: World) -> Wish:
    for amount in [*[AMOUNT_MAX] * (BALANCE_MAX // AMOUNT_MAX), BALANCE_MAX % AMOUNT_MAX]:
        world.bob.deposit(amount)
    return wish(world)


@case("recipient_not_found")
def to_an_unknown_username(world: World) -> Wish:
    return wish(world, recipient="nobody")


@case("recipient_not_found")
def to_a_user_without_a_wallet_in_the_currency(world: World) -> Wish:
    return wish(world, source=world.alice.open("EUR"))


@case("not_found")
def from_another_users_wallet(world: World) -> Wish:
    return wish(world, source=world.bob.wallet_id, recipient=world.alice.name)


@case("not_found")
def from_a_wallet_that_does_not_exist(world: World) -> Wish:
    return wish(world, source="1")


@case("not_found")
def from_the_outside_world(world: World) -> Wish:
    return wish(world, source="840")


@case("not_found")
def to_the_outside_world(world: World) -> Wish:
    return wish(world, recipient=None, destination="840")


@case("not_found")
def to_a_wallet_that_does_not_exist(world: World) -> Wish:
    return wish(world, recipient=None, destination=str(2**63 - 1))


@case("malformed", "destination", "recipient")
def without_a_recipient(world: World) -> Wish:
    return wish(world, recipient=None)


@case("malformed", "recipient")
def to_a_blank_name(world: World) -> Wish:
    return wish(world, recipient="  ")


@case("malformed", "recipient")
def to_a_name_that_is_too_long(world: World) -> Wish:
    return wish(world, recipient="b" * 255)


@case("malformed", "destination")
def to_an_invalid_id(world: World) -> Wish:
    return wish(world, recipient=None, destination="bob")


@case("malformed", "source")
def from_an_invalid_id(world: World) -> Wish:
    return wish(world, source="12.5")


@case("malformed", "source")
def from_an_id_of_more_than_63_bits(world: World) -> Wish:
    return wish(world, source=str(2**63))


@case("malformed", "source")
def without_a_source(world: World) -> Wish:
    return wish(world, source=None)


@case("malformed", "amount")
def an_amount_of_zero(world: World) -> Wish:
    return wish(world, amount=0)


@case("malformed", "amount")
def a_negative_amount(world: World) -> Wish:
    return wish(world, amount=-5)


@case("malformed", "amount")
def too_large_an_amount(world: World) -> Wish:
    return wish(world, amount=AMOUNT_MAX + 1)


@case("malformed", "amount")
def without_an_amount(world: World) -> Wish:
    return wish(world, amount=None)


@case("malformed", "memo")
def with_a_memo_that_is_too_long(world: World) -> Wish:
    return wish(world, memo="m" * 201)


@case("malformed", "idempotency_key")
def with_a_key_that_has_a_space(world: World) -> Wish:
    return wish(world, key="two words")


@case("malformed", "idempotency_key")
def with_a_key_that_is_too_long(world: World) -> Wish:
    return wish(world, key="k" * 256)


@case("malformed", "idempotency_key")
def with_an_empty_key(world: World) -> Wish:
    return wish(world, key="")


@case("malformed", "source", "amount", "memo")
def with_everything_wrong_at_once(world: World) -> Wish:
    return wish(world, source="alice", amount=0, memo="m" * 201)


@case("not_authenticated")
def with_a_revoked_token(world: World) -> Wish:
    tokens_revoke_all(user=world.alice.user)
    return wish(world)
