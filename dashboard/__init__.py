"""The pages that combine several apps: the dashboard of a signed-in user, and the landing page for all others."""
