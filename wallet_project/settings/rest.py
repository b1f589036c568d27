"""The REST API (Django REST framework) and its schema (drf-spectacular)."""

from wallet_project.settings.base import SCRIPT_NAME

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "wallets.api.authentication.BearerAuthentication",
        "wallets.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["kit.http.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "wallets.api.problems.exception_handler",
    # None: no ?format= parameter. Only the Accept header chooses the format.
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Wallet",
    "DESCRIPTION": (
        "Deposit, withdraw and send money; read balances and history.\n\n"
        "- Amounts are JSON integers of minor units (such as cents), ids are strings of digits, and times are in UTC.\n"
        "- Bodies are JSON in UTF-8, at most 1 MiB. Unknown and repeated fields are refused.\n"
        "- Every response states your quota in `RateLimit-Policy` and what is left of it in `RateLimit`.\n"
        "- Send an `Idempotency-Key` with each request that moves money, so that you can retry it safely.\n"
        "- Links (`Location`, `next`, `previous`) are paths on this host.\n"
        "- Every error is a problem document (RFC 9457) with a stable `code` from this "
        f"[list]({SCRIPT_NAME}/api/errors)."
    ),
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": SCRIPT_NAME}] if SCRIPT_NAME else [],
    "SCHEMA_PATH_PREFIX": "/api/v[0-9]+",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    # False: in the order of the URLs, which is the order in which a newcomer needs them.
    "SORT_OPERATIONS": False,
    "TAGS": [{"name": "Account"}, {"name": "Wallets"}, {"name": "Money"}],
    "PATH_CONVERTER_OVERRIDES": {"snowflake": {"type": "string", "pattern": "^[1-9][0-9]{0,18}$"}},
    "SWAGGER_UI_DIST": "SIDECAR",
    # None: no validator badge, which would send the schema to a third party's server.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None, "displayRequestDuration": True},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
}
