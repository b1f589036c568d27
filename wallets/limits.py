"""How much of what is too much: the one table of limits, for the API and for the forms.

Sized so that neither a person nor an ordinary program ever meets one, and a flood does at once. Reading, moving money
and sending in bulk have buckets of their own, so that a program that polls too eagerly can still pay.
"""

from collections.abc import Mapping
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
class Charge:
    """What one request takes out of a bucket: `cost`, or that for each item of a list in its body."""

    policy: Policy
    cost: int = 1
    items_in: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLimit:
    """What sending a form is counted by. `keeps_input`: its view asks by itself, and gives back what was typed."""

    policies: tuple[Policy, ...]
    keeps_input: bool = False


# --- The API: token buckets (GCRA). A view names its charges as `reads` and `writes`; by default READ and WRITE. ---
_READS = Policy(name="reads", quota=3_000, window_s=60, per=Per.USER)
READ = Charge(policy=_READS)
WRITE = Charge(policy=Policy(name="writes", quota=60, window_s=60, per=Per.USER))
#: Up to a hundred entries, of which each may stand on a page of the disk of its own.
HISTORY = Charge(policy=_READS, cost=3)
MONEY = Charge(policy=Policy(name="money", quota=600, window_s=60, per=Per.USER))
BULK = Charge(policy=Policy(name="bulk", quota=30_000, window_s=60, per=Per.USER), items_in="transfers")
#: Whoever shows no valid token: what is open to everybody, and what is refused for want of one.
STRANGER = Charge(policy=Policy(name="strangers", quota=300, window_s=60, per=Per.ADDRESS))
SIGN_IN = (
    Charge(policy=Policy(name="sign-in-address", quota=60, window_s=60, per=Per.ADDRESS)),
    # It locks nobody out for longer than the guessing goes on.
    Charge(policy=Policy(name="sign-in-name", quota=20, window_s=300, per=Per.NAME)),
)
SIGN_UP = (Charge(policy=Policy(name="sign-up", quota=60, window_s=120, per=Per.ADDRESS)),)

# --- Forms: fixed windows (django-ratelimit). By the name of the form's address; the others have FORM_DEFAULT. ---
_ACCOUNT = Policy(name="form-account", quota=10, window_s=60, per=Per.USER)
#: Mail goes out to whatever address is typed in, whoever reads it.
_MAIL = Policy(name="form-mail", quota=3, window_s=600, per=Per.NAME)
_MONEY = FormLimit(policies=(Policy(name="form-money", quota=30, window_s=60, per=Per.USER),), keeps_input=True)
FORM_DEFAULT = FormLimit(policies=(Policy(name="form", quota=60, window_s=60, per=Per.USER),))
FORMS: Mapping[str, FormLimit] = {
    "account_login": FormLimit(
        policies=(
            Policy(name="form-sign-in-address", quota=30, window_s=60, per=Per.ADDRESS),
            Policy(name="form-sign-in-name", quota=10, window_s=120, per=Per.NAME),
        )
    ),
    "mfa_authenticate": FormLimit(
        policies=(Policy(name="form-second-factor", quota=5, window_s=300, per=Per.SIGNING_IN),)
    ),
    "account_signup": FormLimit(policies=(Policy(name="form-sign-up", quota=20, window_s=60, per=Per.ADDRESS),)),
    "account_reset_password": FormLimit(
        policies=(Policy(name="form-reset", quota=10, window_s=60, per=Per.ADDRESS), _MAIL)
    ),
    "account_email": FormLimit(policies=(_ACCOUNT, _MAIL)),
    "account_change_password": FormLimit(policies=(_ACCOUNT,)),
    "account_reauthenticate": FormLimit(policies=(_ACCOUNT,)),
    "mfa_reauthenticate": FormLimit(policies=(_ACCOUNT,)),
    "mfa_activate_totp": FormLimit(policies=(_ACCOUNT,)),
    "money_add": _MONEY,
    "money_withdraw": _MONEY,
    "money_send": _MONEY,
    "money_send_review": _MONEY,
}
