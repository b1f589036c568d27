"""What the bench assumes about the commits that it compares. Nothing else of another commit is used.

Each side is driven from outside: commands run in its own checkout by its own Python, environment variables, HTTP, gRPC
and SQL. If a commit renames one of these, make both sides agree here first, or the comparison says FAILED.

Also assumed, and used where they are written down:

- the request and answer bodies of the REST API, and the messages of `proto/wallet/v1/wallet.proto` (`requests.py`,
  `requests_grpc.py`);
- `make install`, which makes `.venv` (`against/checkout.py`).
"""

SETTINGS = "wallet_project.settings"
# Commands, as arguments of Python.
GUNICORN = ("-m", "gunicorn", "--config", "wallet_project/gunicorn.py", "wallet_project.wsgi")
CELERY = ("-m", "celery", "--app", "wallet_project", "--quiet")
CELERY_WORKER = (*CELERY, "worker", "--loglevel", "INFO", "--concurrency", "2")
CELERY_BEAT = (*CELERY, "beat", "--loglevel", "INFO", "--schedule")  # and a file
MIGRATE = ("manage.py", "migrate", "--verbosity", "0")
COLLECT_STATIC = ("manage.py", "collectstatic", "--no-input", "--verbosity", "0")
#: Ends with 0 if the books balance.
AUDIT = ("manage.py", "audit_ledger")
SERVE_GRPC = ("manage.py", "serve_grpc", "--bind")  # and host:port
CONSUME_TRANSFERS = ("manage.py", "consume_transfers")
KAFKA_TOPICS = ("manage.py", "kafka_topics")

# Environment variables, beside SECRET_KEY, LOG_FORMAT, LOG_LEVEL, ENVIRONMENT and PROMETHEUS_MULTIPROC_DIR.
DATABASE_URL = "DATABASE_URL"
#: Read by commits that have ROLES. Earlier ones do everything as one role, a superuser.
DATABASE_MIGRATION_URL = "DATABASE_MIGRATION_URL"
ROLES = "deploy/roles.sql"
REDIS_URL = "REDIS_URL"
#: host:port of gunicorn.
BIND = "BIND"
#: All rate limits times this.
LIMITS_SCALE = "THROTTLE_SCALE"
CACHE_ENABLED = "CACHE_ENABLED"
#: "postgres" is the default, "kafka" the other one.
CHANNEL = "TRANSFER_CHANNEL"
KAFKA_SERVERS = "KAFKA_BOOTSTRAP_SERVERS"

# Paths, and what a browser needs to sign in: the fields login, password and csrfmiddlewaretoken.
TRANSFERS_V1 = "/api/v1/transfers"
TRANSFERS_V2 = "/api/v2/transfers"
LISTS_V2 = "/api/v2/transfers/bulk"
WALLETS = "/api/v1/wallets"
HISTORY = "transactions"  # below a wallet
LOGIN = "/accounts/login/"
HOME = "/"
CSRF_COOKIE = "csrftoken"
SESSION_COOKIE = "sessionid"

GRPC_SERVICE = "/wallet.v1.WalletService"

# Tables, into which people and their first deposits are written. Columns that a later commit adds are filled with zeros
# and empty strings (`against/crowd.py`). Settled transfers are counted in TRANSACTIONS (`status`, `settled_at`), and
# every one adds two rows to ENTRIES, whose `id` comes from a sequence.
USERS = "wallets_user"
TOKENS = "wallets_apitoken"
WALLET_ROWS = "wallets_wallet"
TRANSACTIONS = "transactions_transaction"
ENTRIES = "transactions_entry"
#: A token is stored as its hash (hex) and its beginning.
TOKEN_HASH = "sha512"
TOKEN_KEY_LENGTH = 15
#: Ids of the outside wallet's are the currency's ISO 4217 number.
CURRENCY, OUTSIDE_WALLET = "USD", 840
