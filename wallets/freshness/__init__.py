"""The freshness protocol behind `wallets.cache`. ARCHITECTURE.md, "Reads that are never stale", tells it as a whole."""
