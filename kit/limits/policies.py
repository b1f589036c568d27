"""The terms of a rate limit: whose bucket it is, how much it holds, and what a request takes from it."""

from dataclasses import dataclass
from enum import Enum, auto


class Per(Enum):
    """Whose bucket it is."""

    #: A user. All their tokens and browsers share the bucket.
    USER = auto()
    #: The client's network (`kit.limits.addresses`), for requests without a known user.
    ADDRESS = auto()
    #: The typed-in username or email address, so that many clients cannot flood one mailbox.
    NAME = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A bucket of `quota` units. An empty bucket is full again after `window_s` seconds."""

    name: str
    quota: int
    window_s: int
    per: Per


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one request takes from a bucket: `units`, or `units` per item of the list `per_item_in` in its body."""

    policy: Policy
    units: int = 1
    per_item_in: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLimit:
    """The policies that count a form. With `keeps_input` the view checks them itself, so that a refusal can show the
    form again with the user's input."""

    policies: tuple[Policy, ...]
    keeps_input: bool = False
