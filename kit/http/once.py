"""Headers that may occur once. A request that repeats one says two things, and each reader might hear another.

WSGI joins repeated headers with commas, so `Idempotency-Key: a` sent twice would be the key "a,a". That is another key
than "a", and a retry without the repetition would move money again. kit.server.worker therefore passes the lines on.
"""

from django.http import HttpRequest

#: Those that we, Django, its apps or a proxy read, and that their definitions do not allow as lists. Gunicorn itself
#: refuses a second Host, Content-Type or Content-Length.
ONCE = frozenset(
    {
        "AUTHORIZATION", "COOKIE", "CONTENT-ENCODING", "CONTENT-LENGTH", "CONTENT-RANGE", "CONTENT-TYPE", "DATE",
        "EXPECT", "HOST", "HX-BOOSTED", "HX-CURRENT-URL", "HX-HISTORY-RESTORE-REQUEST", "HX-PROMPT", "HX-REQUEST",
        "HX-TARGET", "HX-TRIGGER", "HX-TRIGGER-NAME", "IDEMPOTENCY-KEY", "IF-MODIFIED-SINCE", "IF-RANGE",
        "IF-UNMODIFIED-SINCE", "MAX-FORWARDS", "ORIGIN", "PROXY-AUTHORIZATION", "RANGE", "REFERER", "TRACEPARENT",
        "USER-AGENT", "X-CSRFTOKEN", "X-FORWARDED-HOST", "X-FORWARDED-PORT", "X-FORWARDED-PROTO",
        "X-HTTP-METHOD-OVERRIDE", "X-REAL-IP", "X-REQUEST-ID", "X-REQUESTED-WITH",
    }
)  # fmt: skip


def header_repeated(request: HttpRequest) -> str | None:
    """The name of a header that may occur once and occurs more often; None if there is none.

    Only kit.server.worker passes the lines on. Behind another server, this finds nothing.
    """
    lines = getattr(request.META.get("wsgi.input"), "headers", ())
    names = [name for name, _ in lines]
    if len(set(names)) == len(names):
        return None
    return next((name.title() for name in names if name in ONCE and names.count(name) > 1), None)
