"""The URLs of the pages about wallets, API tokens and the user's account."""

from django.urls import path

from wallets import views

urlpatterns = [
    path("wallets/", views.wallets_page, name="wallet_list"),
    path("tokens/", views.tokens_page, name="token_list"),
    path("tokens/revoke/", views.token_revoke_page, name="token_revoke"),
    path("settings/", views.settings_page, name="settings"),
    path("settings/name/", views.display_name_page, name="display_name"),
]
