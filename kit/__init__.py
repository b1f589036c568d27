"""Infrastructure that knows nothing about wallets. It imports no other app of this project except `telemetry`."""
