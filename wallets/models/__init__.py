"""The tables about who holds money, by topic. Import the models from here."""

from wallets.models.people import EmailChange, OwedWallet, PeopleManager, User, username_validator
from wallets.models.processes import NodeLease, UsedNonce
from wallets.models.security import GuessBudget, SecurityEvent
from wallets.models.sessions import BrowserSession
from wallets.models.tokens import ApiToken, TokenCeiling
from wallets.models.wallets import OUTSIDE_IDS_END, Wallet, WalletStatus, WalletStatusEvent

__all__ = [
    "OUTSIDE_IDS_END",
    "ApiToken",
    "BrowserSession",
    "EmailChange",
    "GuessBudget",
    "NodeLease",
    "OwedWallet",
    "PeopleManager",
    "SecurityEvent",
    "TokenCeiling",
    "UsedNonce",
    "User",
    "Wallet",
    "WalletStatus",
    "WalletStatusEvent",
    "username_validator",
]
