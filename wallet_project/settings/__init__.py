"""The settings: one module per concern, combined here. DJANGO_SETTINGS_MODULE is `wallet_project.settings`.

Everything that differs between deployments comes from environment variables; docs/settings.md lists them, and a test
keeps that page complete. Without DATABASE_URL and REDIS_URL the site uses the embedded servers of `make run`.
"""

from wallet_project.settings.accounts import *  # noqa: F403
from wallet_project.settings.base import *  # noqa: F403
from wallet_project.settings.celery import *  # noqa: F403
from wallet_project.settings.funding import *  # noqa: F403
from wallet_project.settings.grpc import *  # noqa: F403
from wallet_project.settings.kafka import *  # noqa: F403
from wallet_project.settings.limits import *  # noqa: F403
from wallet_project.settings.mail import *  # noqa: F403
from wallet_project.settings.postgres import *  # noqa: F403
from wallet_project.settings.redis import *  # noqa: F403
from wallet_project.settings.rest import *  # noqa: F403
from wallet_project.settings.security import *  # noqa: F403
from wallet_project.settings.spending import *  # noqa: F403
from wallet_project.settings.static import *  # noqa: F403
from wallet_project.settings.telemetry import *  # noqa: F403
from wallet_project.settings.transfers import *  # noqa: F403
from wallet_project.settings.wallet_service import *  # noqa: F403
