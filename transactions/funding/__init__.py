"""How money enters and leaves: who may put money into a wallet, and what becomes of withdrawals outside.

`settings.FUNDING` names the one way in: staff, a payment provider, or anyone (demo money).
"""
