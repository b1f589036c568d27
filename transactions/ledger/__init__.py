"""The core: the only code that changes a balance. Its single door is `transactions.ledger.post.post`."""
