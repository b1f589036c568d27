"""The gateway (see `wallets.gateway`): its local form, and its remote form with the calls to the wallet service."""
