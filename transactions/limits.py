"""Rate limits of moving money and reading a history. `wallets.limits` has the others, and explains their sizes.

Single transfers and bulk requests have separate buckets: a program that sends too many bulk requests can still send a
single transfer.
"""

from collections.abc import Mapping

from kit.limits.policies import Cost, FormLimit, Per, Policy
from wallets.limits import READS

#: A page has up to 100 entries, and Postgres may have to read a separate disk page for each.
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
