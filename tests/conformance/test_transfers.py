"""The same transfer has the same outcome at every entry point, and leaves the same books."""

from itertools import product

import pytest
from pytest_django import Settings

from kit.limits.costs import user_key
from tests.conformance.cases import CASES, wish
from tests.conformance.channels import Channel, Outcome
from tests.conformance.world import World, world_make
from tests.rpc.buckets import bucket_empty
from transactions.audit import books_audit
from transactions.limits import MONEY

#: The cases, by the code of their refusal.
BY_CODE = {case.code: [other for other in CASES if other.code == case.code] for case in CASES}
MISTAKES = BY_CODE.pop("malformed")


def assert_books(world: World, sent: int, channel: Channel) -> None:
    assert (world.alice.balance(), world.bob.balance()) == (1_000 - sent, sent), channel.name


def test_every_channel_names_the_same_mistakes(every_channel: list[Channel]) -> None:
    """All mistakes share one world, because none of them changes it."""
    for number, channel in enumerate(every_channel):
        world = world_make(number)
        for case in MISTAKES:
            outcome = channel.transfer(world.alice.token, case.prepare(world))

            said = (channel.name, case.name, outcome.code, outcome.fields)
            assert said == (channel.name, case.name, case.code, case.fields)
        assert_books(world, 0, channel)


@pytest.mark.parametrize("code", BY_CODE, ids=lambda code: code or "posted")
def test_every_channel_gives_the_same_outcome(every_channel: list[Channel], code: str) -> None:
    for number, (case, channel) in enumerate(product(BY_CODE[code], every_channel)):
        world = world_make(number)
        wanted = case.prepare(world)
        before = (world.alice.balance(), world.bob.balance())

        outcome = channel.transfer(world.alice.token, wanted)

        where = (case.name, channel.name)
        assert (where, outcome.code, outcome.fields) == (where, case.code, case.fields)
        sent = (wanted.amount or 0) if not case.code else 0
        assert (world.alice.balance(), world.bob.balance()) == (before[0] - sent, before[1] + sent), where
        if not case.code:
            assert_says(outcome, world, amount=sent, memo=(wanted.memo or "").strip())
    assert books_audit().clean


def assert_says(outcome: Outcome, world: World, *, amount: int, memo: str) -> None:
    said = {name: outcome.transaction[name] for name in ("kind", "status", "amount", "currency", "memo", "failure")}
    assert said == {
        "kind": "transfer",
        "status": "posted",
        "amount": amount,
        "currency": "USD",
        "memo": memo,
        "failure": None,
    }
    assert outcome.transaction["source"] == {"wallet": world.alice.wallet_id, "owner": world.alice.name}
    assert outcome.transaction["destination"] == {"wallet": world.bob.wallet_id, "owner": world.bob.name}
    assert outcome.transaction["settled_at"]


def test_a_repeated_request_gets_the_first_answer_and_moves_nothing(every_channel: list[Channel]) -> None:
    for number, channel in enumerate(every_channel):
        world = world_make(number)
        first = channel.transfer(world.alice.token, wish(world, key="lunch", memo="Lunch"))
        again = channel.transfer(world.alice.token, wish(world, key="lunch", memo=" Lunch "))

        assert (first.code, first.replayed) == ("", False), channel.name
        assert (again.code, again.replayed) == ("", True), channel.name
        assert again.transaction == first.transaction
        assert_books(world, 5, channel)


def test_all_channels_share_the_idempotency_keys(every_channel: list[Channel]) -> None:
    world = world_make(0)
    outcomes = [channel.transfer(world.alice.token, wish(world, key="lunch")) for channel in every_channel]

    assert [outcome.code for outcome in outcomes] == [""] * len(every_channel)
    assert [outcome.replayed for outcome in outcomes] == [False] + [True] * (len(every_channel) - 1)
    assert {outcome.transaction["id"] for outcome in outcomes} == {outcomes[0].transaction["id"]}
    assert_books(world, 5, every_channel[0])


def test_a_key_that_was_used_for_another_request_is_refused(every_channel: list[Channel]) -> None:
    for number, channel in enumerate(every_channel):
        world = world_make(number)
        channel.transfer(world.alice.token, wish(world, key="lunch"))

        other = channel.transfer(world.alice.token, wish(world, key="lunch", amount=6, memo="Dinner"))

        assert (channel.name, other.code) == (channel.name, "idempotency_key_reused")
        assert other.fields == {"amount", "memo"}
        assert_books(world, 5, channel)


def test_a_key_belongs_to_one_user(every_channel: list[Channel]) -> None:
    for number, channel in enumerate(every_channel):
        world = world_make(number)
        world.bob.deposit(5)
        channel.transfer(world.alice.token, wish(world, key="lunch"))
        wanted = wish(world, source=world.bob.wallet_id, recipient=world.alice.name, key="lunch")

        outcome = channel.transfer(world.bob.token, wanted)

        assert (outcome.code, outcome.replayed) == ("", False), channel.name


def test_a_refused_request_leaves_its_key_free(every_channel: list[Channel]) -> None:
    for number, channel in enumerate(every_channel):
        world = world_make(number)
        refused = channel.transfer(world.alice.token, wish(world, recipient="nobody", key="lunch"))
        outcome = channel.transfer(world.alice.token, wish(world, key="lunch"))

        assert (refused.code, outcome.code, outcome.replayed) == ("recipient_not_found", "", False), channel.name


def test_all_channels_share_the_same_limit(every_channel: list[Channel], settings: Settings) -> None:
    settings.THROTTLE_ENABLED = True
    world = world_make(0)

    # Lists have their own bucket, which refills too fast to stay empty.
    for channel in [channel for channel in every_channel if not channel.takes_lists]:
        # Emptied for each channel, because a unit flows in every tenth of a second.
        bucket_empty(MONEY.policy, key=user_key(world.alice.user.pk))
        outcome = channel.transfer(world.alice.token, wish(world))

        assert (channel.name, outcome.code) == (channel.name, "rate_limited")
        assert outcome.retryable
    assert_books(world, 0, every_channel[0])
