"""Who takes part in the scenario, and what is not theirs to do: settling, freezing wallets, reading mail."""

import email
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message

import grpc

from tests.frozen.authenticator import totp_code
from tests.frozen.exchanges import Area
from tests.frozen.names import Names
from tests.frozen.protos import Contract
from tests.frozen.rpc import Caller
from tests.frozen.stage import SUPERUSER, Stage, wait_until
from tests.frozen.wire import Client, Log

#: As Django writes a time.
_MINUTE = re.compile(r"[A-Z][a-z]+\.? \d{1,2}, \d{4}, (?:[\d:]+ [ap]\.m\.|noon|midnight)")
PASSWORD = "seven quiet lanterns at noon"


@dataclass
class Person:
    """`api` sends the person's token, `browser` keeps cookies. `wallets` has ids by currency."""

    name: str
    api: Client
    browser: Client
    rpc: Caller
    password: str = PASSWORD
    wallets: dict[str, str] = field(default_factory=dict)

    @property
    def usd(self) -> str:
        return self.wallets["USD"]

    @property
    def address(self) -> str:
        return f"{self.name}@example.com"


class Play:
    """The stage with its cast. An area's scenario is a function that takes this."""

    def __init__(self, stage: Stage, channel: grpc.Channel) -> None:
        self.stage = stage
        self.names = Names()
        self.names.know("origin", f"http://127.0.0.1:{stage.site}")
        self.names.know("host", f"127.0.0.1:{stage.site}")
        self.log = Log(self.names, Area("nothing yet"))
        self.contract = Contract()
        self.channel = channel
        self.stranger = self.client()
        self.caller = Caller(channel, self.contract, self.log)
        self.alice, self.bob, self.charlie = (self._person(name) for name in ("alice", "bob", "charlie"))
        self.staff = self._person("staff", password=SUPERUSER["DJANGO_SUPERUSER_PASSWORD"])
        self._staff_codes: list[str] = []

    def client(self, *, port: int | None = None) -> Client:
        """Somebody new, at the site without limits unless another one is named."""
        return Client(port or self.stage.site, self.log)

    def _person(self, name: str, *, password: str = PASSWORD) -> Person:
        return Person(name, api=self.client(), browser=self.client(), rpc=self.caller, password=password)

    def login(self, person: Person) -> None:
        """Gives the person a token and the ids of their wallets."""
        credentials = {"username": person.name, "password": person.password}
        person.api.token = self.stranger.post(None, "/api/v1/auth/login", credentials).json()["token"]
        person.rpc = self.caller.signed(person.api.token)
        self.names.know(f"token:{person.name}", person.api.token)
        self.wallets_learn(person)

    def wallets_learn(self, person: Person) -> None:
        for wallet in person.api.get(None, "/api/v1/wallets").json()["results"]:
            person.wallets[wallet["currency"]] = wallet["id"]
            self.names.know(f"id:{person.name} {wallet['currency'].lower()}", wallet["id"])

    def browse(self, person: Person) -> Client:
        """Signs the person's browser in, unless it is."""
        if "sessionid" not in person.browser.cookies:
            person.browser.get(None, "/accounts/login/")
            person.browser.fill(None, "/accounts/login/", {"login": person.name, "password": person.password})
            if person is self.staff:
                self._second_factor(person.browser)
            assert "sessionid" in person.browser.cookies, f"{person.name} was not let in."
        return person.browser

    def _second_factor(self, desk: Client) -> None:
        """Staff enrol at their first login, and enter a recovery code at each one."""
        if not self._staff_codes:
            again, activate = "/accounts/reauthenticate/", "/accounts/2fa/totp/activate/"
            desk.fill(None, again, {"password": self.staff.password})
            page = desk.get(None, activate)
            (secret,) = re.findall(r'<code id="totp-secret">([A-Z2-7]+)</code>', page.text)
            desk.fill(None, activate, {"code": totp_code(secret)})
            shown = desk.get(None, "/accounts/2fa/recovery-codes/")
            self._staff_codes = re.findall(r"<code>([0-9a-f]{8})</code>", shown.text)
            form = "/accounts/2fa/reauthenticate/"
        else:
            form = "/accounts/2fa/authenticate/"
        desk.fill(None, form, {"code": self._staff_codes.pop()})

    def settle(self, *transfers: str) -> None:
        """Lets the Celery worker go on until these transfers of Alice's or Bob's have settled."""

        def is_settled(transfer: str) -> bool:
            answers = [who.api.get(None, f"/api/v2/transfers/{transfer}") for who in (self.alice, self.bob)]
            return any(answer.status == 200 and answer.json()["status"] != "pending" for answer in answers)

        with self.worker_running():
            wait_until(lambda: all(map(is_settled, transfers)), what="the transfers have settled")

    @contextmanager
    def worker_running(self) -> Iterator[None]:
        self.stage.worker.resume()
        try:
            yield
        finally:
            self.stage.worker.pause()

    def wallet_change(self, change: str, *wallets: str) -> None:
        """Staff freeze, reopen or close wallets in the admin."""
        desk = self.browse(self.staff)
        answer = desk.fill(
            None, f"/admin/wallets/wallet/status/{change}/?ids={','.join(wallets)}", {"reason": "For the recording"}
        )
        assert answer.status == 302, f"The wallets could not be changed: {answer.status}."

    @contextmanager
    def wallet_locked(self, wallet: str) -> Iterator[None]:
        """Somebody holds the lock on a wallet's row for as long as the block lasts."""
        with self.stage.database.connect() as connection, connection.transaction():
            connection.execute("SELECT FROM wallets_wallet WHERE id = %s FOR NO KEY UPDATE", [int(wallet)])
            yield

    @contextmanager
    def wallet_broken(self, wallet: str) -> Iterator[None]:
        """Inside, the wallet's row contradicts its entries, so settling on it meets a fault."""
        self._version_shift(wallet, 5)
        try:
            yield
        finally:
            self._version_shift(wallet, -5)

    def _version_shift(self, wallet: str, by: int) -> None:
        with self.stage.database.connect() as connection, connection.transaction():
            # The guards would refuse it.
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute("UPDATE wallets_wallet SET version = version + %s WHERE id = %s", [by, int(wallet)])

    def mail_to(self, address: str, *, about: Callable[[str], bool] = bool) -> Message:
        """The newest mail to an address whose text is what is looked for. Waits for it."""
        found: list[Message] = []

        def is_there() -> bool:
            files = sorted(self.stage.mail.iterdir(), key=lambda file: file.stat().st_mtime_ns)
            mails = [email.message_from_bytes(part) for file in files for part in _parts(file.read_bytes())]
            found[:] = [mail for mail in mails if mail["To"] == address and about(mail_text(mail))]
            return bool(found)

        wait_until(is_there, what=f"a mail to {address}")
        return found[-1]

    def mail_record(self, title: str, mail: Message) -> None:
        """Addresses and links. The words are kept apart."""
        links = [f"link {self.names.text(link)}" for link in mail_links(mail)]
        self.log.area.tell(title, "subject", self.names.prose(str(mail["Subject"])))
        self.log.area.tell(title, "text", _MINUTE.sub("<time>", self.names.prose(mail_text(mail))))
        self.log.area.add(title, ["MAIL", f"to: {mail['To']}", f"from: {mail['From']}", *links])


def mail_text(mail: Message) -> str:
    content = mail.get_payload(decode=True)
    return content.decode() if isinstance(content, bytes) else ""


def mail_links(mail: Message) -> list[str]:
    """Paths on the site."""
    return [re.sub(r"http://[^/]+", "", link) for link in re.findall(r"http://\S+", mail_text(mail))]


def _parts(content: bytes) -> list[bytes]:
    """Django's file backend ends each mail with a line of dashes."""
    return [part for part in re.split(rb"(?m)^-{79}\n", content) if part.strip()]
