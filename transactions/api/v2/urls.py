"""The URLs of REST v2, under /api/v2/."""

from django.urls import path

import wallets.api.converters  # noqa: F401 - registers <snowflake>
from transactions.api.v2 import views

urlpatterns = [
    path("transfers", views.TransfersView.as_view(), name="v2_transfers"),
    path("transfers/bulk", views.TransfersBulkView.as_view(), name="v2_transfers_bulk"),
    path("transfers/<snowflake:transaction_id>", views.TransferView.as_view(), name="v2_transfer"),
]
