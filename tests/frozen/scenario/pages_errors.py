"""Pages for what goes wrong: addresses that are none, the CSRF check, methods, hosts, sizes."""

from tests.frozen.cast import Play


def play(play: Play) -> None:
    stranger, browser = play.client(), play.browse(play.alice)
    for path in ("/nothing/", "/nothing", "/accounts/nothing/", "/transactions/", "/%FF/", "//evil.example/"):
        stranger.get(f"There is nothing at {path}", path)
    browser.get("There is nothing for somebody who is in", "/nothing/")
    browser.get("There is nothing for htmx", "/nothing/", HX_Request="true")
    for path in ("/history", "/send", "/accounts/login", "/admin/wallets/wallet", "/admin"):
        browser.get(f"{path} lacks its slash", path)
    bare = play.client()
    bare.cookies = {"sessionid": browser.cookies["sessionid"]}
    for path in ("/add/", "/send/", "/wallets/", "/tokens/", "/accounts/logout/"):
        bare.fill(f"No CSRF token at {path}", path, {})
    form = {"currency": "SEK"}
    browser.fill("Another origin", "/wallets/", form, Origin="https://evil.example")
    browser.fill("Another referer does no harm over HTTP", "/wallets/", {}, Referer="https://evil.example/")
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        browser.send(f"{method} of a page", method, "/settings/")
    stranger.get("Another host", "/", Host="evil.example")
    large = {"memo": "x" * 1_100_000, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    body = "&".join(f"{name}={value}" for name, value in large.items()).encode()
    headers = {"Content_Type": "application/x-www-form-urlencoded"}
    browser.send("A form of more than a megabyte", "POST", "/add/", body, shown=f"<{len(body)} bytes>", **headers)
    browser.get("A session that is none", "/settings/", Cookie="sessionid=nonsense")
    play.alice.browser.cookies.clear()
