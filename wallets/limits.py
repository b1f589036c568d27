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
#: Floods of sign-ins. How often a password may be guessed wrong is in PASSWORD_GUESSES below.
SIGN_IN = (Cost(policy=Policy(name="sign-in-address", quota=60, window_s=60, per=Per.ADDRESS)),)
SIGN_UP = (Cost(policy=Policy(name="sign-up", quota=60, window_s=120, per=Per.ADDRESS)),)

#: Mails to an address that somebody entered, which may be someone else's. Beyond it none are sent, and nobody is told.
CONFIRMATION_MAIL = Cost(policy=Policy(name="confirmation-mail", quota=10, window_s=3_600, per=Per.NAME))

# --- Wrong guesses, in Postgres (`wallets.auth.guessing`), whatever THROTTLE_ENABLED and THROTTLE_SCALE say. ---
#: Ten mistakes at once are more than an owner makes; then one more every six minutes. That is 250 guesses a day, too
#: few for any password that is not on the list of breached ones.
PASSWORD_GUESSES = Policy(name="password", quota=10, window_s=3_600, per=Per.USER)
#: Two of a million codes are right at any time. With 125 guesses a day it takes years to hit one, and the owner, whose
#: password must be known for each guess, is told every day.
FACTOR_GUESSES = Policy(name="factor", quota=5, window_s=3_600, per=Per.USER)

# --- Forms: fixed windows (django-ratelimit), by the name of the view. ---
_ACCOUNT = Policy(name="form-account", quota=10, window_s=60, per=Per.USER)
#: These forms send mail to the typed-in address, which may be someone else's.
_MAIL = Policy(name="form-mail", quota=3, window_s=600, per=Per.NAME)
FORMS: Mapping[str, FormLimit] = {
    "account_login": FormLimit(policies=(Policy(name="form-sign-in-address", quota=30, window_s=60, per=Per.ADDRESS),)),
    "mfa_authenticate": FormLimit(
        policies=(Policy(name="form-second-factor", quota=30, window_s=60, per=Per.ADDRESS),)
    ),
    "account_signup": FormLimit(policies=(Policy(name="form-sign-up", quota=20, window_s=60, per=Per.ADDRESS),)),
    "account_reset_password": FormLimit(
        policies=(Policy(name="form-reset", quota=10, window_s=60, per=Per.ADDRESS), _MAIL)
    ),
    "account_email": FormLimit(policies=(_ACCOUNT, _MAIL)),
    "email_change_undo": FormLimit(policies=(Policy(name="form-undo", quota=10, window_s=60, per=Per.ADDRESS),)),
    "account_change_password": FormLimit(policies=(_ACCOUNT,)),
    "wallet_limits": FormLimit(policies=(_ACCOUNT,)),
    "account_reauthenticate": FormLimit(policies=(_ACCOUNT,)),
    "mfa_reauthenticate": FormLimit(policies=(_ACCOUNT,)),
    "mfa_activate_totp": FormLimit(policies=(_ACCOUNT,)),
    # Two requests each: for the challenge, and with the answer to it.
    "mfa_login_webauthn": FormLimit(policies=(Policy(name="form-passkey", quota=60, window_s=60, per=Per.ADDRESS),)),
    "mfa_reauthenticate_webauthn": FormLimit(policies=(_ACCOUNT,)),
    "mfa_add_webauthn": FormLimit(policies=(_ACCOUNT,)),
    "mfa_edit_webauthn": FormLimit(policies=(_ACCOUNT,)),
    "mfa_remove_webauthn": FormLimit(policies=(_ACCOUNT,)),
}
