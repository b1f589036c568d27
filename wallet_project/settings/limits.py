"""Limits: how often a client may call, and how large a request may be."""

from wallet_project.settings.base import env

# 0 switches all rate limits off, for load tests and demonstrations. Wrong passwords and codes are limited in any case.
THROTTLE_ENABLED = env.bool("THROTTLE_ENABLED", default=True)
# A factor that multiplies all quotas. 2 doubles them, 0.5 halves them; no quota falls below 1.
THROTTLE_SCALE = env.float("THROTTLE_SCALE", default=1.0)
# How many processes serve requests, gRPC servers included. While Redis is down each process counts alone and admits its
# share of a quota, so a number that is too high makes the limits stricter during an outage, and one that is too low
# makes them laxer. The default covers two web processes and two gRPC servers.
THROTTLE_PROCESSES = env.int("THROTTLE_PROCESSES", default=4, minimum=1, maximum=10_000)

# Tables of limits on forms. Their keys are the names of the forms' views.
FORM_LIMITS = ["wallets.limits.FORMS", "transactions.limits.FORMS"]
RATELIMIT_USE_CACHE = "limits"
RATELIMIT_IP_META_KEY = "kit.limits.addresses.client_network"

# Bytes that the body of a request may have: 1 MiB, as the API's documentation promises. kit.server.worker collects no
# larger ones.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
# No page accepts files. Without handlers, nothing that a client sends is ever written to a disk.
FILE_UPLOAD_HANDLERS: list[str] = []
