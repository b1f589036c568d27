"""Pages about money: home, adding, withdrawing and receipts."""

from tests.frozen.cast import Play
from tests.frozen.wire import Answer, Client


def play(play: Play) -> None:
    browser = play.browse(play.alice)
    _home(play, browser)
    for path in ("/add/", "/withdraw/"):
        _form(play, browser, path)
    _limits(play)
    _receipts(play)


def _home(play: Play, browser: Client) -> None:
    alice = play.alice
    browser.get("Home", "/")
    browser.get("Home with another wallet", f"/?wallet={alice.wallets['JPY']}")
    browser.get("Home with Bob's wallet", f"/?wallet={play.bob.usd}")
    browser.get("Home with a wallet that is none", "/?wallet=x")
    browser.get("Home in another time zone", "/", Cookie=_cookies(browser, timezone="Asia/Tokyo"))
    browser.send("Home's headers only", "HEAD", "/")
    path = f"/live/?wallet={alice.wallets['JPY']}"
    live = browser.get("What is new at home", path, HX_Request="true")
    browser.get("Nothing is new", path, HX_Request="true", If_None_Match=live.header("ETag"))
    alice.api.post(None, f"/api/v1/wallets/{alice.wallets['JPY']}/deposits", {"amount": 1_000})
    browser.get("Something is new", path, HX_Request="true", If_None_Match=live.header("ETag"))
    browser.get("What is new, packed", path, HX_Request="true", Accept_Encoding="gzip")


def _cookies(browser: Client, **more: str) -> str:
    return "; ".join(f"{name}={value}" for name, value in (browser.cookies | more).items())


def _form(play: Play, browser: Client, path: str) -> None:
    alice, bob = play.alice, play.bob
    page = browser.get(f"The form {path}", path)
    browser.get(f"The form {path} with another wallet", f"{path}?wallet={alice.wallets['EUR']}")
    right = page.page().form_with("amount").data() | {"wallet": alice.usd, "amount": "1,234.50", "memo": "By hand"}
    if path == "/withdraw/":
        right["amount"] = "12.50"
    for title, change in {
        "no amount": {"amount": ""},
        "an amount that is none": {"amount": "lots"},
        "nothing": {"amount": "0"},
        "less than nothing": {"amount": "-5"},
        "too many decimals": {"amount": "1.001"},
        "more than the most": {"amount": "10000000000000"},
        "Bob's wallet": {"wallet": bob.usd},
        "no wallet": {"wallet": ""},
        "a long note": {"memo": "m" * 201},
        "a key that is none": {"idempotency_key": "x"},
        "no key": {"idempotency_key": ""},
    }.items():
        browser.fill(f"{path}: {title}", path, {**right, **change})
    done = browser.fill(f"{path}: the money moves", path, right)
    browser.get(f"{path}: the receipt", done.header("Location"))
    again = browser.fill(f"{path}: sent twice", path, right)
    browser.get(f"{path}: the receipt says so", again.header("Location"))
    browser.fill(f"{path}: something else under the key", path, right | {"amount": "1"})
    play.client().fill(f"{path}: a stranger's form", path, right)


def _limits(play: Play) -> None:
    """Of what a wallet holds, and of what it may hold."""
    for person, path, amount in ((play.charlie, "/add/", "100"), (play.bob, "/withdraw/", "1000000")):
        browser = play.browse(person)
        form = browser.get(None, path).page().form_with("amount").data()
        browser.fill(f"{path}: more than {person.name}'s wallet allows", path, form | {"amount": amount})
    alice = play.alice
    form = alice.browser.get(None, "/add/").page().form_with("amount").data()
    for status in ("freeze", "reopen"):
        play.wallet_change(status, alice.usd)
        alice.browser.fill(
            f"/add/: after staff chose to {status} it", "/add/", form | {"wallet": alice.usd, "amount": "1"}
        )


def _receipts(play: Play) -> None:
    """Of the same transaction, as both sides see it."""
    alice, bob = play.alice, play.bob
    body = {"source": alice.usd, "recipient": "bob", "amount": 3_00, "memo": "<b>Cake</b> & tea"}
    path = f"/transactions/{alice.api.post(None, '/api/v1/transfers', body).json()['id']}/"
    alice.browser.get("Alice's receipt", path)
    play.browse(bob).get("Bob's receipt", path)
    _looked(alice.browser.get("A receipt for htmx", path, HX_Request="true"))
    alice.browser.send("A receipt's headers only", "HEAD", path)
    alice.browser.send("A receipt takes no POST", "POST", path)
    play.browse(play.charlie).get("It is none of Charlie's business", path)
    alice.browser.get("There is no such receipt", "/transactions/4096/")
    alice.browser.get("A number that is too large", f"/transactions/{'9' * 30}/")
    alice.browser.get("No number", "/transactions/abc/")


def _looked(answer: Answer) -> None:
    assert answer.header("HX-Retarget") == "#receipt"
