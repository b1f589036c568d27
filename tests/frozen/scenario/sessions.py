"""The API with a browser's session instead of a token: cookies and the CSRF check."""

from tests.frozen.cast import Play


def play(play: Play) -> None:
    browser = play.browse(play.charlie)
    browser.get("A session reads", "/api/v1/me")
    wallet = f"/api/v1/wallets/{play.charlie.usd}"
    read = browser.get("A session reads a wallet", wallet)
    browser.get("A session has it already", wallet, If_None_Match=read.header("ETag"))
    body, path = {"amount": 1_00}, f"{wallet}/withdrawals"
    token = browser.cookies["csrftoken"]
    browser.post("A session writes with the CSRF token", path, body, X_CSRFToken=token)
    browser.post("Without it a session writes nothing", path, body)
    browser.post("Nor with a wrong one", path, body, X_CSRFToken="x" * 32)
    browser.post("Nor with one that is no token", path, body, X_CSRFToken="x")
    origin = f"http://127.0.0.1:{play.stage.site}"
    browser.post("Its own origin may write", path, body, X_CSRFToken=token, Origin=origin)
    browser.post("Another origin may not", path, body, X_CSRFToken=token, Origin="https://evil.example")
    browser.post("A wrong field is told after the CSRF check", path, {"amount": 0})
    bearer = {"Authorization": f"Bearer {play.charlie.api.token}"}
    browser.post("With a token no CSRF token is needed", path, body, **bearer)
    browser.get("A bad token is not helped by a session", "/api/v1/me", Authorization="Bearer x")
    play.client().get("A session that is none", "/api/v1/me", Cookie="sessionid=nonsense")
    browser.post("A session signs in over the API all the same", "/api/v1/auth/login", _credentials(play))
    browser.post("It does not sign out without the CSRF token", "/api/v1/auth/logout", {})
    browser.post("A session signs out", "/api/v1/auth/logout", {}, X_CSRFToken=token)
    browser.get("It reads nothing any more", "/api/v1/me")
    browser.cookies.clear()


def _credentials(play: Play) -> dict[str, str]:
    return {"username": play.charlie.name, "password": play.charlie.password}
