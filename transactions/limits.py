"""Limits on moving money and on reading a history. The others are in `wallets.limits`.

Sized so that neither a person nor an ordinary program ever meets one, while a flood meets it at once. Single transfers
and lists have separate buckets, so that a program that sends lists too eagerly can still make a single payment.
"""

from collections.abc import Mapping

from kit.limits.policies import Cost, FormLimit, Per, Policy
from wallets.limits import READS

#: A page has up to a hundred entries, each of which may lie on a disk page of its own.
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
