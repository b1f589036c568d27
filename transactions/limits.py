"""Limits on moving money and reading a history. `wallets.limits` has the others, and says how they are sized.

Single transfers and lists have separate buckets, so that a program that sends too many lists can still make a single
payment.
"""

from collections.abc import Mapping

from kit.limits.policies import Cost, FormLimit, Per, Policy
from wallets.limits import READS

#: A page has up to a hundred entries, and each may need a disk page of its own.
HISTORY = Cost(policy=READS, units=3)
MONEY = Cost(policy=Policy(name="money", quota=600, window_s=60, per=Per.USER))
BULK = Cost(policy=Policy(name="bulk", quota=30_000, window_s=60, per=Per.USER), per_item_in="transfers")

_FORM = FormLimit(policies=(Policy(name="form-money", quota=30, window_s=60, per=Per.USER),), keeps_input=True)
FORMS: Mapping[str, FormLimit] = {
    "money_add": _FORM,
    "money_withdraw": _FORM,
    "money_send": _FORM,
    "money_send_review": _FORM,
}
