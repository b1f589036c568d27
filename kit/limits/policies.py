"""The vocabulary of rate limits: whose bucket, how much it holds, what a request takes out of it."""

from dataclasses import dataclass
from enum import Enum, auto


class Per(Enum):
    """Whose bucket it is."""

    #: A person, whatever token or browser the request comes with.
    USER = auto()
    #: Where the request comes from (`kit.limits.addresses`): for strangers.
    ADDRESS = auto()
    #: The name or e-mail address that is typed in, so that many addresses cannot share the guessing.
    NAME = auto()
    #: Who has given the password and is asked for the second factor.
    SIGNING_IN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A bucket of `quota` units, which an empty one takes `window_s` seconds to fill up to."""

    name: str
    quota: int
    window_s: int
    per: Per


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one request takes out of a bucket: `units`, or that for each item of a list in its body."""

    policy: Policy
    units: int = 1
    per_item_in: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLimit:
    """What sending a form is counted by. `keeps_input`: its view asks by itself, and gives back what was typed."""

    policies: tuple[Policy, ...]
    keeps_input: bool = False
