"""The URLs of REST v1 about money, under /api/v1/."""

from django.urls import path

import wallets.api.converters  # noqa: F401 - registers <snowflake>
from transactions.api.v1 import views

urlpatterns = [
    path("wallets/<snowflake:wallet_id>/deposits", views.DepositsView.as_view(), name="v1_deposits"),
    path("wallets/<snowflake:wallet_id>/withdrawals", views.WithdrawalsView.as_view(), name="v1_withdrawals"),
    path("wallets/<snowflake:wallet_id>/transactions", views.HistoryView.as_view(), name="v1_history"),
    path("transfers", views.TransfersView.as_view(), name="v1_transfers"),
    path("transactions", views.TransactionsView.as_view(), name="v1_transactions"),
    path("transactions/<snowflake:transaction_id>", views.TransactionView.as_view(), name="v1_transaction"),
]
