"""Logs and metrics. One log line per request and task, joined by the request id; no names, addresses or secrets."""

import logging

from django.core.exceptions import ImproperlyConfigured

from telemetry.listening import bind_parse
from telemetry.logs import json_wanted, logging_config, structlog_configure
from wallet_project.settings.base import env

# The least severe level that is logged: DEBUG, INFO, WARNING, ERROR or CRITICAL. INFO contains the line per request.
_log_level = env.str("LOG_LEVEL", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))

LOGGING = logging_config(as_json=json_wanted(), level=_log_level)
structlog_configure()
DJANGO_STRUCTLOG_CELERY_ENABLED = True
# Safe, because TelemetryMiddleware runs first and replaces malformed request ids.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO
# A task that did something logs it itself. Failures are always logged, with their traceback.
DJANGO_STRUCTLOG_CELERY_TASK_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_CELERY_TASK_SUCCESS_LOG_LEVEL = logging.DEBUG

# The address, host:port, on which a process serves its operators: /livez, /metrics and, if it is the site, /readyz with
# details. Never publish it: metrics tell how much money moves. Empty switches it off, so that several processes on one
# machine do not collide.
INTERNAL_BIND = env.str("INTERNAL_BIND", default="")
if INTERNAL_BIND:
    try:
        bind_parse(INTERNAL_BIND)
    except ValueError as error:
        raise ImproperlyConfigured(f"INTERNAL_BIND: {error}") from error
