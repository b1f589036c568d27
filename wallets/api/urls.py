"""The URLs of REST v1 for accounts and wallets, under /api/v1/."""

from django.urls import path

import wallets.api.converters  # noqa: F401 - registers <snowflake>
from wallets.api import limits, views

urlpatterns = [
    path("auth/register", views.RegisterView.as_view(), name="v1_register"),
    path("auth/login", views.LoginView.as_view(), name="v1_login"),
    path("auth/logout", views.LogoutView.as_view(), name="v1_logout"),
    path("auth/token", views.TokenView.as_view(), name="v1_token"),
    path("me", views.MeView.as_view(), name="v1_me"),
    path("wallets", views.WalletsView.as_view(), name="v1_wallets"),
    path("wallets/<snowflake:wallet_id>", views.WalletDetailView.as_view(), name="v1_wallet"),
    path("wallets/<snowflake:wallet_id>/limits", limits.WalletLimitsView.as_view(), name="v1_wallet_limits"),
]
