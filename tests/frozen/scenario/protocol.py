"""What holds for every address of the API: JSON, content types, methods, request ids, hosts and sizes."""

from tests.frozen.cast import Play

MEGABYTE = 1_048_576


def play(play: Play) -> None:
    _bodies(play)
    _content_types(play)
    _methods(play)
    _requests(play)
    _addresses(play)


def _bodies(play: Play) -> None:
    path = f"/api/v1/wallets/{play.alice.usd}/deposits"
    for title, body in {
        "No body": b"",
        "No JSON": b"amount=5",
        "JSON that ends too early": b'{"amount": 5',
        "JSON with something behind it": b'{"amount": 5} {}',
        "A list": b"[]",
        "A number": b"5",
        "Null": b"null",
        "A field twice": b'{"amount": 5, "amount": 6}',
        "A field twice, further in": b'{"amount": 5, "x": {"a": 1, "a": 2}}',
        "Not a number": b'{"amount": NaN}',
        "Infinity": b'{"amount": Infinity}',
        "No UTF-8": b'{"amount": 5, "memo": "\xff"}',
        "Half of a surrogate pair": b'{"amount": 5, "memo": "\\ud800"}',
        "NUL in a string": b'{"amount": 5, "memo": "\\u0000"}',
        "A byte order mark": b'\xef\xbb\xbf{"amount": 5}',
        "Nested without end": b'{"amount": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    }.items():
        shown = f"<{len(body)} bytes>" if len(body) > 1_000 else ""
        play.alice.api.send(title, "POST", path, body, shown=shown, Content_Type="application/json")
    unknown = {f"field{number}": 1 for number in range(50)}
    play.alice.api.post("Of many unknown fields some are named", path, {"amount": 5, **unknown})
    for title, size in {"A megabyte is read": MEGABYTE, "More than a megabyte is not": MEGABYTE + 1}.items():
        body = b'{"amount": 5, "memo": "' + b"x" * (size - 25) + b'"}'
        shown = f"<{len(body)} bytes>"
        play.alice.api.send(title, "POST", path, body, shown=shown, Content_Type="application/json")
    chunks = b'd\r\n{"amount": 5}\r\n0\r\n\r\n'
    headers = {"Content_Type": "application/json", "Transfer_Encoding": "chunked"}
    play.alice.api.send("Chunks", "POST", path, chunks, shown="<chunks>", **headers)


def _content_types(play: Play) -> None:
    path = f"/api/v1/wallets/{play.alice.usd}/deposits"
    for content_type in (
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/xml",
        "application/json; charset=latin-1", "application/problem+json", "nonsense",
    ):  # fmt: skip
        title = f"A body is not {content_type}"
        play.alice.api.send(title, "POST", path, b'{"amount": 5}', Content_Type=content_type)
    play.alice.api.send("A body has a type", "POST", path, b'{"amount": 5}')
    for content_type in ("application/json; charset=UTF-8", "APPLICATION/JSON"):
        title = f"A body may be {content_type}"
        play.alice.api.send(title, "POST", path, b'{"amount": 5}', Content_Type=content_type)
    for accept in ("application/json", "application/*", "*/*", "text/html", "application/xml, text/plain;q=0.5"):
        play.alice.api.get(f"The client accepts {accept}", "/api/v1/me", Accept=accept)
    play.alice.api.get("The address does not say the format", "/api/v1/me?format=xml")


def _methods(play: Play) -> None:
    alice = play.alice
    for path in ("/api/v1/me", f"/api/v1/wallets/{alice.usd}/deposits", "/api/v1/transfers", "/api/schema"):
        for method in ("OPTIONS", "PUT", "PATCH", "DELETE"):
            alice.api.send(f"{method} {play.names.text(path)}", method, path)
    alice.api.send("HEAD of what takes a POST", "HEAD", "/api/v1/transfers")
    alice.api.send("A method that does not exist", "BREW", "/api/v1/me")
    play.stranger.send("A stranger's PUT", "PUT", "/api/v1/me")
    alice.api.send("TRACE", "TRACE", "/api/v1/me")


def _requests(play: Play) -> None:
    for title, request_id in {
        "A request id is taken": "lunch-2026/1",
        "A request id of 128 characters": "r" * 128,
        "A request id of 129 characters": "r" * 129,
        "A request id with a space": "two words",
        "A request id that is empty": "",
        "A request id that is no ASCII": "r\xe9",
    }.items():
        play.alice.api.get(title, "/api/v1/me", X_Request_ID=request_id)
    play.stranger.get("A refusal has the id, too", "/api/v1/me", X_Request_ID="refused-1")
    play.stranger.get("So has an address that is none", "/api/v1/nothing", X_Request_ID="refused-2")
    play.stranger.get("Another host", "/api/v1/me", Host="evil.example")
    play.stranger.get("A host that is none", "/api/v1/me", Host="not a host")
    play.alice.api.get("A cookie for the time zone changes no answer", "/api/v1/me", Cookie="timezone=Asia/Tokyo")
    play.alice.api.get("Another origin gets no special headers", "/api/v1/me", Origin="https://evil.example")


def _addresses(play: Play) -> None:
    for path in (
        "/api/",
        "/api",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v2/",
        "/api/v3/me",
        "/api/v1/me/",
        "/api/v1/%FF",
    ):
        play.stranger.get(f"There is nothing at {path}", path)
    play.stranger.post("Nor is there for a POST", "/api/v1/nothing", {})
    play.alice.api.get("Nor for somebody with a token", "/api/v1/nothing")
