"""Infrastructure that knows nothing about wallets. It imports none of our models."""
