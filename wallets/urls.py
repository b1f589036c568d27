"""The URLs of the pages about wallets, API tokens and the user's account."""

from django.urls import path

from wallets.api import converters  # noqa: F401 - registers <snowflake>
from wallets.views import limits, security, sessions, settings, tokens, wallets

urlpatterns = [
    path("wallets/", wallets.wallets_page, name="wallet_list"),
    path("tokens/", tokens.tokens_page, name="token_list"),
    path("tokens/revoke/", tokens.token_revoke_page, name="token_revoke"),
    path("tokens/revoke-all/", tokens.tokens_revoke_page, name="tokens_revoke"),
    path("tokens/question/", tokens.tokens_question_page, name="token_question"),
    path("accounts/security/", security.security_page, name="account_security"),
    path("accounts/security/lock/", security.lock_page, name="account_lock"),
    path("accounts/sessions/", sessions.sessions_page, name="session_list"),
    path("accounts/sessions/end/", sessions.session_end_page, name="session_end"),
    path("accounts/sessions/end-others/", sessions.sessions_end_others_page, name="session_end_others"),
    path("accounts/lock/<str:key>/", security.lock_by_link_page, name="account_lock_by_link"),
    path("accounts/locked/", security.locked_page, name="account_locked"),
    path("settings/", settings.settings_page, name="settings"),
    path("limits/", limits.limits_page, name="limits"),
    path("limits/<snowflake:wallet_id>/", limits.wallet_limits_page, name="wallet_limits"),
    path("settings/name/", settings.display_name_page, name="display_name"),
]
