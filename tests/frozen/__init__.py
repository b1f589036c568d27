"""A safety net for restructuring: what the running project answers, byte for byte where it matters, as it was recorded.

A scenario (`scenario/`) with fixed people in a fixed order drives the project from outside: gunicorn, `manage.py
serve_grpc` and a Celery worker, on a Postgres database and a Redis database of their own (`stage.py`). Each exchange is
written down as text and compared with `recorded/<area>.txt`.

    python -m pytest tests/frozen                   compare
    FROZEN_RECORD=1 python -m pytest tests/frozen   record anew, then read the diff in git

A change of code that shall change no behaviour leaves the recordings alone. A change of behaviour records anew, in a
commit of its own that contains nothing else, so that its diff shows what changes for clients.

What is recorded of an exchange:

- the request, and the status and all headers of the answer; `(usual headers)` stands for those of `headers.USUAL`;
- JSON with sorted keys; of pages their forms, links, htmx attributes, assets and amounts of money;
- of gRPC calls the code, the metadata and the details of a refusal;
- of mails the addresses and links.

Values that differ from run to run have names instead (`names.py`). Sentences for people are kept in `recorded/prose/`
and compared by nobody: wording may change. `recorded/names/interface.txt` lists the names that others rely on: Celery
tasks, topics, tables, settings (`interface.py`).

To add an exchange, add a line to an area in `scenario/` and record anew. An area finds what the areas before it left
behind (balances, entries), so a line that moves money shows in the recordings of later areas, too.

Nothing here imports the project's packages. Keep it so: a test that is renamed together with the code proves nothing.
"""
