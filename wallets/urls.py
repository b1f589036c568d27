"""The URLs of the pages about wallets, API tokens and the user's account."""

from django.urls import path

import wallets.api.converters  # noqa: F401 - registers <snowflake>
from wallets import limit_views, security_views, session_views, token_views, views

urlpatterns = [
    path("wallets/", views.wallets_page, name="wallet_list"),
    path("tokens/", token_views.tokens_page, name="token_list"),
    path("tokens/revoke/", token_views.token_revoke_page, name="token_revoke"),
    path("tokens/revoke-all/", token_views.tokens_revoke_page, name="tokens_revoke"),
    path("tokens/question/", token_views.tokens_question_page, name="token_question"),
    path("accounts/security/", security_views.security_page, name="account_security"),
    path("accounts/security/lock/", security_views.lock_page, name="account_lock"),
    path("accounts/sessions/", session_views.sessions_page, name="session_list"),
    path("accounts/sessions/end/", session_views.session_end_page, name="session_end"),
    path("accounts/sessions/end-others/", session_views.sessions_end_others_page, name="session_end_others"),
    path("accounts/lock/<str:key>/", security_views.lock_by_link_page, name="account_lock_by_link"),
    path("accounts/locked/", security_views.locked_page, name="account_locked"),
    path("settings/", views.settings_page, name="settings"),
    path("limits/", limit_views.limits_page, name="limits"),
    path("limits/<snowflake:wallet_id>/", limit_views.wallet_limits_page, name="wallet_limits"),
    path("settings/name/", views.display_name_page, name="display_name"),
]
