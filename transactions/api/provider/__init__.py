"""What the payment provider tells the site, with `FUNDING=provider`."""
