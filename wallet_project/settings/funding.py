"""How money enters the system."""

from django.core.exceptions import ImproperlyConfigured

from wallet_project.settings.base import env

# Who may put money into a wallet. `staff`: one member of staff enters a deposit and another confirms it. `provider`: a
# payment provider reports it with a signed webhook. `demo`: anyone, out of thin air, for trials and tests; pages say
# "demo money", and `manage.py check --deploy` refuses it.
FUNDING = env.str("FUNDING", default="staff", choices=("staff", "provider", "demo"))
# What the page "Add money" tells users when they cannot deposit themselves: your bank account, say, or a link to the
# provider, as plain text.
FUNDING_INSTRUCTIONS = env.str("FUNDING_INSTRUCTIONS", default="")
# The secrets with which the provider signs its webhooks, in the form whsec_<base64>, separated by commas. The site
# accepts each of them, so that a secret can be replaced without losing a webhook. FUNDING=provider needs at least one.
FUNDING_WEBHOOK_SECRETS = env.list("FUNDING_WEBHOOK_SECRETS", default=[])
if FUNDING == "provider" and not FUNDING_WEBHOOK_SECRETS:
    raise ImproperlyConfigured("FUNDING=provider needs FUNDING_WEBHOOK_SECRETS, with which the provider signs.")
