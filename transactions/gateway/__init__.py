"""The gateway (see `wallets.gateway`): its local form, and its remote form, which calls the wallet service."""
