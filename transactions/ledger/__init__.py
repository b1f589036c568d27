"""The core: the only code that changes a balance. `transactions.ledger.post.post` is its only entry."""
