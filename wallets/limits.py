"""Limits on reading, signing in and account forms. Those on moving money are in `transactions.limits`.

Sized so that neither a person nor an ordinary program ever meets one, while a flood meets it at once. Reading, writing
and signing in have separate buckets, so that a program that polls too eagerly can still write.
"""

from collections.abc import Mapping

from kit.limits.policies import Cost, FormLimit, Per, Policy

# --- The API: token buckets (GCRA). A view names its costs as `reads` and `writes`; by default READ and WRITE. ---
READS = Policy(name="reads", quota=3_000, window_s=60, per=Per.USER)
READ = Cost(policy=READS)
WRITE = Cost(policy=Policy(name="writes", quota=60, window_s=60, per=Per.USER))
#: Whoever shows no valid token: what is open to everybody, and what is refused for want of one.
ANONYMOUS = Cost(policy=Policy(name="strangers", quota=300, window_s=60, per=Per.ADDRESS))
SIGN_IN = (
    Cost(policy=Policy(name="sign-in-address", quota=60, window_s=60, per=Per.ADDRESS)),
    # It locks nobody out for longer than the guessing goes on.
    Cost(policy=Policy(name="sign-in-name", quota=20, window_s=300, per=Per.NAME)),
)
SIGN_UP = (Cost(policy=Policy(name="sign-up", quota=60, window_s=120, per=Per.ADDRESS)),)

# --- Forms: fixed windows (django-ratelimit). By the name of the form's view. ---
_ACCOUNT = Policy(name="form-account", quota=10, window_s=60, per=Per.USER)
#: Mail goes out to whatever address is typed in, whoever reads it.
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
    "account_change_password": FormLimit(policies=(_ACCOUNT,)),
    "account_reauthenticate": FormLimit(policies=(_ACCOUNT,)),
    "mfa_reauthenticate": FormLimit(policies=(_ACCOUNT,)),
    "mfa_activate_totp": FormLimit(policies=(_ACCOUNT,)),
}
