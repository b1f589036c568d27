"""Celery, which runs background work. Its messages only wake workers: the work itself is recorded in Postgres, so any
message may be lost, duplicated or late."""

import ssl
from datetime import timedelta

from celery.schedules import crontab

from wallet_project import embedded
from wallet_project.settings.base import env
from wallet_project.settings.redis import REDIS_CA, REDIS_SCHEMES, REDIS_URL

_BROKER_SCHEMES = (*REDIS_SCHEMES, "redis+socket", "sentinel", "amqp", "amqps", "pyamqp", "memory")

# Where Celery's messages go: redis://, rediss://, redis+socket://path, amqp:// or another broker URL that Celery knows.
# Default: REDIS_URL, so that one server is enough.
_broker_url = env.server("CELERY_BROKER_URL", default=REDIS_URL, schemes=_BROKER_SCHEMES)
CELERY_BROKER_URL = embedded.celery_url(_broker_url)
# With rediss:// the broker's certificate and its host name are verified. Without this, Celery would accept any.
CELERY_BROKER_USE_SSL = (
    {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True, "ssl_ca_certs": REDIS_CA or None}
    if CELERY_BROKER_URL.startswith("rediss://")
    else None
)
# How many tasks a worker runs at the same time, each with its own database connection. Two suit a small machine; more
# settle more transfers at the same time, as long as Postgres has cores to spare.
CELERY_WORKER_CONCURRENCY = env.int("CELERY_WORKER_CONCURRENCY", default=2, minimum=1, maximum=1_000)

# The broker is not trusted: messages are JSON, which cannot run code, and anything else is dropped unread.
CELERY_ACCEPT_CONTENT = CELERY_RESULT_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
# There is no result backend: nobody reads results, and the effects of a task are in Postgres.
CELERY_TASK_IGNORE_RESULT = True
# A message is acknowledged after its task has finished, and redelivered if the process running it dies.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# Seconds.
CELERY_TASK_TIME_LIMIT = 600
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Seconds after which Redis redelivers the messages of a worker that died as a whole. Longer than the longest task,
    # because a shorter value would start a running task a second time. Minutes are fine: polling finds waiting
    # transfers much earlier. No task is sent with a countdown or an eta, which would have to be shorter than this.
    "visibility_timeout": CELERY_TASK_TIME_LIMIT + 60,
    # Seconds. A broker that is down or does not answer must not delay the request that accepts a transfer.
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    # For the same reason a request sends its message once: the default retries pause for six seconds in total. Workers
    # and beat have a retry loop of their own.
    "max_retries": 0,
}
# Each process reserves one task at a time, so that no task waits behind a long one while another process is idle.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# None: without limit. A worker that gave up would have to be restarted by hand when the broker returns.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A running task finishes when the connection to the broker is lost: it needs only Postgres, and running it twice is
# harmless.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"

# The tasks that fill the cache: for a user who has just signed in, and for wallets that changed while somebody looks
# at them.
WARM_PERSON_TASK = "transactions.tasks.person_warm_task"
WARM_WALLETS_TASK = "transactions.tasks.wallets_warm_task"

# Times are in UTC. `expires` (seconds) limits how many messages of a frequent task pile up while no worker runs.
CELERY_BEAT_SCHEDULE = {
    # Repeats the evictions that writers could not do while Redis was down, so that readers trust the cache again.
    "sweep the cache": {
        "task": "wallets.tasks.cache_sweep_task",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 60},
    },
    # Opens the first wallet of users who signed up in a web process while the wallet service was down.
    "open owed wallets": {
        "task": "wallets.tasks.wallets_owed_task",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 60},
    },
    # A nonce is needed for seconds (`wallets.auth.wallet_service.nonces`).
    "sweep used nonces": {
        "task": "wallets.tasks.nonces_delete_expired_task",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 120},
    },
    "audit the books": {"task": "transactions.tasks.audit_nightly", "schedule": crontab(hour=3, minute=0)},
    "sweep sessions": {"task": "wallets.tasks.sessions_delete_expired", "schedule": crontab(hour=4, minute=0)},
    "sweep guessing budgets": {
        "task": "wallets.tasks.guess_budgets_delete_whole",
        "schedule": timedelta(minutes=10),
        "options": {"expires": 1_200},
    },
    "sweep security events": {
        "task": "wallets.tasks.security_events_delete_old",
        "schedule": crontab(hour=4, minute=10),
    },
    "sweep API tokens": {"task": "wallets.tasks.api_tokens_delete_expired", "schedule": crontab(hour=4, minute=5)},
    "sweep mails": {"task": "notifications.tasks.mails_delete_old_task", "schedule": crontab(hour=4, minute=10)},
    "sweep addresses": {"task": "wallets.tasks.addresses_delete_expired_task", "schedule": crontab(hour=4, minute=10)},
}
