"""A token's scopes and ceilings hold at every entry point."""

from tests.conformance.cases import wish
from tests.conformance.channels import Channel
from tests.conformance.test_transfers import assert_books
from tests.conformance.world import World, world_make
from wallets.domain.mandates import Ceiling, Scope
from wallets.models.tokens import TokenCeiling
from wallets.tokens.services import token_issue


def limited(world: World, *ceilings: Ceiling) -> str:
    """The secret of a token of Alice with these ceilings."""
    return token_issue(user=world.alice.user, name="till", ceilings=ceilings)[1]


def test_no_payment_exceeds_the_ceiling_per_payment(every_channel: list[Channel]) -> None:
    for number, channel in enumerate(every_channel):
        world = world_make(number)
        token = limited(world, Ceiling(currency="USD", per_payment=10))

        outcomes = [channel.transfer(token, wish(world, amount=amount)).code for amount in (11, 10, 10)]

        assert (channel.name, outcomes) == (channel.name, ["token_ceiling_exceeded", "", ""])
        assert_books(world, 20, channel)


def test_all_payments_of_a_day_stay_within_the_ceiling(every_channel: list[Channel]) -> None:
    for number, channel in enumerate(every_channel):
        world = world_make(number)
        token = limited(world, Ceiling(currency="USD", per_day=100))

        outcomes = [channel.transfer(token, wish(world, amount=amount)).code for amount in (60, 41, 40, 1)]

        exceeded = "token_ceiling_exceeded"
        assert (channel.name, outcomes) == (channel.name, ["", exceeded, "", exceeded])
        assert_books(world, 100, channel)


def test_all_channels_share_the_ceilings_of_a_token(every_channel: list[Channel]) -> None:
    world = world_make(0)
    token = limited(world, Ceiling(currency="USD", per_day=5 * len(every_channel)))

    outcomes = [channel.transfer(token, wish(world)).code for channel in [*every_channel, *every_channel]]

    assert outcomes == [""] * len(every_channel) + ["token_ceiling_exceeded"] * len(every_channel)
    assert_books(world, 5 * len(every_channel), every_channel[0])


def test_a_replay_is_answered_and_counts_once(every_channel: list[Channel]) -> None:
    for number, channel in enumerate(every_channel):
        world = world_make(number)
        token = limited(world, Ceiling(currency="USD", per_day=9))

        outcomes = [channel.transfer(token, wish(world, key="lunch")) for _ in range(3)]

        assert [(one.code, one.replayed) for one in outcomes] == [("", False), ("", True), ("", True)], channel.name
        assert TokenCeiling.objects.get(token__user=world.alice.user).spent == 5
        assert channel.transfer(token, wish(world, key="lunch", amount=9)).code == "idempotency_key_reused"
        assert_books(world, 5, channel)


def test_a_token_with_ceilings_pays_in_no_other_currency(every_channel: list[Channel]) -> None:
    for number, channel in enumerate(every_channel):
        world = world_make(number)
        token = limited(world, Ceiling(currency="EUR", per_payment=100))

        assert (channel.name, channel.transfer(token, wish(world)).code) == (channel.name, "token_ceiling_exceeded")
        assert_books(world, 0, channel)


def test_ceilings_say_nothing_about_wallets(every_channel: list[Channel]) -> None:
    """A refusal by a ceiling comes before every look at a wallet, but after what is wrong with the request itself."""
    for number, channel in enumerate(every_channel):
        world = world_make(number)
        token = limited(world, Ceiling(currency="USD", per_payment=10))

        outcomes = [
            channel.transfer(token, wish(world, amount=2_000)).code,
            channel.transfer(token, wish(world, amount=2_000, recipient="nobody")).code,
            channel.transfer(token, wish(world, amount=2_000, recipient=world.alice.name)).code,
        ]

        wanted = ["token_ceiling_exceeded", "recipient_not_found", "same_wallet"]
        assert (channel.name, outcomes) == (channel.name, wanted)


def test_a_token_that_may_only_read_moves_nothing(every_channel: list[Channel]) -> None:
    for number, channel in enumerate(every_channel):
        world = world_make(number)
        _, token = token_issue(user=world.alice.user, name="reader", scopes=[Scope.READ])

        assert (channel.name, channel.transfer(token, wish(world)).code) == (channel.name, "insufficient_scope")
        assert_books(world, 0, channel)
