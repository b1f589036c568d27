"""Pages and REST call the gateway, because they may have no rights on the books."""

import pytest

from tests.architecture.test_doors import imported, modules
from transactions.book import MoneyBook
from wallets.book import WalletBook

ENTRY_POINTS = (
    *("wallets/api/", "wallets/views.py", "wallets/auth/adapters.py", "wallets/forms.py"),
    *("transactions/api/", "transactions/views/", "transactions/forms.py"),
)


@pytest.mark.parametrize(
    ("book", "below"),
    [
        (WalletBook, ("wallets.selectors", "wallets.services")),
        (
            MoneyBook,
            ("transactions.selectors", "transactions.services", "transactions.reads", "transactions.previews"),
        ),
    ],
)
def test_no_entry_point_bypasses_the_gateway(book: object, below: tuple[str, ...]) -> None:
    questions = {name for name in vars(book) if not name.startswith("_")}
    assert questions
    past = {f"{module}.{question}" for module in below for question in questions}
    for path, tree in modules():
        if path.startswith(ENTRY_POINTS):
            assert not imported(tree) & past, path
            assert not imported(tree) & {"wallets.selectors.wallet_get", "transactions.models.Job"}, path
