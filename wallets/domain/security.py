"""The closed catalogue of security events: what the owner of an account should be able to look up later."""

from enum import StrEnum


class SecurityEventKind(StrEnum):
    """The stable codes of security events. They are stored for a year, so none is ever renamed."""

    SIGNED_IN = "signed_in"
    SIGN_IN_FAILED = "sign_in_failed"
    GUESSING_STOPPED = "guessing_stopped"
    SIGNED_OUT = "signed_out"
    SESSION_ENDED = "session_ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - no password
    PASSWORD_RESET = "password_reset"  # noqa: S105
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_RENAMED = "passkey_renamed"
    PASSKEY_REMOVED = "passkey_removed"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    TOKEN_CREATED = "token_created"  # noqa: S105
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    EMAIL_CHANGE_UNDONE = "email_change_undone"
    LIMITS_CHANGED = "limits_changed"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    STAFF_CHANGED = "staff_changed"


class SecurityChannel(StrEnum):
    """The way by which an event came about."""

    PAGE = "page"
    API = "api"
    ADMIN = "admin"
    #: A command, a task or the gRPC server: nothing is known about a browser.
    SERVER = "server"


#: The words for each kind on pages and in the admin.
TITLES = {
    SecurityEventKind.SIGNED_IN: "Logged in",
    SecurityEventKind.SIGN_IN_FAILED: "Failed login",
    SecurityEventKind.GUESSING_STOPPED: "Too many failed logins",
    SecurityEventKind.SIGNED_OUT: "Logged out",
    SecurityEventKind.SESSION_ENDED: "Logged out another device",
    SecurityEventKind.PASSWORD_CHANGED: "Password changed",
    SecurityEventKind.PASSWORD_RESET: "Password reset by email",
    SecurityEventKind.FACTOR_ADDED: "Authenticator app added",
    SecurityEventKind.FACTOR_REMOVED: "Authenticator app removed",
    SecurityEventKind.PASSKEY_ADDED: "Passkey added",
    SecurityEventKind.PASSKEY_RENAMED: "Passkey renamed",
    SecurityEventKind.PASSKEY_REMOVED: "Passkey removed",
    SecurityEventKind.RECOVERY_CODES_MADE: "Recovery codes created",
    SecurityEventKind.RECOVERY_CODE_USED: "Recovery code used",
    SecurityEventKind.TOKEN_CREATED: "API token created",
    SecurityEventKind.TOKEN_REVOKED: "API token revoked",
    SecurityEventKind.EMAIL_CHANGE_REQUESTED: "Change of email requested",
    SecurityEventKind.EMAIL_CHANGED: "Email changed",
    SecurityEventKind.EMAIL_CHANGE_UNDONE: "Change of email undone",
    SecurityEventKind.LIMITS_CHANGED: "Spending limits changed",
    SecurityEventKind.LOCKED: "Account locked",
    SecurityEventKind.UNLOCKED: "Account unlocked",
    SecurityEventKind.STAFF_CHANGED: "Changed by staff",
}
