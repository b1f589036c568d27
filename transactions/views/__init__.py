"""The pages that move money or show transactions. A page that needs a wallet and its history belongs here."""

from transactions.views.move import money_add, money_withdraw
from transactions.views.past import history
from transactions.views.receipt import transaction_page
from transactions.views.send import money_send, money_send_review

__all__ = [
    "history",
    "money_add",
    "money_send",
    "money_send_review",
    "money_withdraw",
    "transaction_page",
]
