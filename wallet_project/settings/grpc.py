"""The gRPC server, `manage.py serve_grpc`."""

from wallet_project.settings.base import env

# The address to listen on, host:port. The default is reachable from this machine only, because it speaks plain text.
GRPC_BIND = env.address("GRPC_BIND", default="127.0.0.1:50051")
# Path of a PEM file: the certificate chain. Empty, as GRPC_TLS_KEY: plain text, for a proxy in front that speaks TLS.
GRPC_TLS_CERT = env.str("GRPC_TLS_CERT", default="")
# Path of a PEM file: the private key of the certificate. `manage.py check` refuses one of the two without the other.
GRPC_TLS_KEY = env.str("GRPC_TLS_KEY", default="")
# Calls that are answered at the same time. Each has a thread and a database connection of its own, so the sum over all
# processes must stay below Postgres's max_connections (100 unless changed).
GRPC_THREADS = env.int("GRPC_THREADS", default=16, minimum=1, maximum=1_000)
# Calls under way, including those that wait for a thread; never fewer than GRPC_THREADS. Further calls are refused at
# once with RESOURCE_EXHAUSTED, so that under overload the queue, and with it the waiting time, stays short.
GRPC_CALLS_MAX = max(GRPC_THREADS, env.int("GRPC_CALLS_MAX", default=64, minimum=1))
# WatchWallet calls that may be open. They need neither a thread nor a database connection, so there may be many. They
# are counted separately, so that watchers never keep anybody from paying.
GRPC_WATCHERS_MAX = env.int("GRPC_WATCHERS_MAX", default=1_000)
# WatchWallet calls that one user may have open, so that one user cannot take all of GRPC_WATCHERS_MAX.
GRPC_WATCHERS_PER_USER_MAX = env.int("GRPC_WATCHERS_PER_USER_MAX", default=20)
# Streams that may be open without a token: the health service's Watch, and reflection. Each costs memory for as long as
# its client likes. A load balancer needs one per server.
GRPC_ANONYMOUS_STREAMS_MAX = env.int("GRPC_ANONYMOUS_STREAMS_MAX", default=200)
# How many of them one address may have open, so that one client cannot take all.
GRPC_ANONYMOUS_STREAMS_PER_ADDRESS_MAX = env.int("GRPC_ANONYMOUS_STREAMS_PER_ADDRESS_MAX", default=20)
# Milliseconds between two polls of Redis for the watched wallets, all of them in one request; at least 10. A watcher
# learns of a change after this time at the latest. 200 ms feels immediate to people.
GRPC_WATCH_INTERVAL_MS = env.int("GRPC_WATCH_INTERVAL_MS", default=200, minimum=10, maximum=60_000)
# Seconds that calls under way have to finish after SIGTERM. Calls take milliseconds, unless they wait for a lock. Keep
# it below the time after which your process manager kills the server (40 s in docker-compose.yml).
GRPC_DRAIN_S = env.float("GRPC_DRAIN_S", default=10.0, maximum=3_600.0)
