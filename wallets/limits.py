"""Limits on reading, signing in and account forms. `transactions.limits` has those on moving money.

No person and no ordinary program should ever reach a limit; a flood should reach it at once. Reading, writing and
signing in have separate buckets, so that a program that polls too often can still write.
"""

from collections.abc import Mapping

from kit.limits.policies import Cost, FormLimit, Per, Policy

# --- The API: token buckets. A view lists its costs in `reads` and `writes`; the defaults are READ and WRITE. ---
READS = Policy(name="reads", quota=3_000, window_s=60, per=Per.USER)
READ = Cost(policy=READS)
WRITE = Cost(policy=Policy(name="writes", quota=60, window_s=60, per=Per.USER))
#: Requests without a valid token, whether they are refused for that or need none.
ANONYMOUS = Cost(policy=Policy(name="strangers", quota=300, window_s=60, per=Per.ADDRESS))
SIGN_IN = (
    Cost(policy=Policy(name="sign-in-address", quota=60, window_s=60, per=Per.ADDRESS)),
    # A unit flows in every 15 seconds, so guessing at an account does not lock its owner out for long.
    Cost(policy=Policy(name="sign-in-name", quota=20, window_s=300, per=Per.NAME)),
)
SIGN_UP = (Cost(policy=Policy(name="sign-up", quota=60, window_s=120, per=Per.ADDRESS)),)

#: Mails to an address that somebody entered, which may be someone else's. Beyond it none are sent, and nobody is told.
CONFIRMATION_MAIL = Cost(policy=Policy(name="confirmation-mail", quota=10, window_s=3_600, per=Per.NAME))

# --- Forms: fixed windows (django-ratelimit), by the name of the view. ---
_ACCOUNT = Policy(name="form-account", quota=10, window_s=60, per=Per.USER)
#: These forms send mail to the typed-in address, which may be someone else's.
_MAIL = Policy(name="form-mail", quota=3, window_s=600, per=Per.NAME)
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
    "email_change_undo": FormLimit(policies=(Policy(name="form-undo", quota=10, window_s=60, per=Per.ADDRESS),)),
    "account_change_password": FormLimit(policies=(_ACCOUNT,)),
    "account_reauthenticate": FormLimit(policies=(_ACCOUNT,)),
    "mfa_reauthenticate": FormLimit(policies=(_ACCOUNT,)),
    "mfa_activate_totp": FormLimit(policies=(_ACCOUNT,)),
}
