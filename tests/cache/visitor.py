"""Another process of the site: `python -m tests.cache.visitor`. For each line, which is a token, it reads the wallets
with that token and answers with the status and the number of queries."""

import sys

import django

django.setup()

from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: E402

from tests.api.client import Api  # noqa: E402

if __name__ == "__main__":
    setup_test_environment()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        with CaptureQueriesContext(connection) as asked:
            status = Api(token=line.strip()).get("/wallets").status_code
        sys.stdout.write(f"{status} {len(asked)}\n")
        sys.stdout.flush()
