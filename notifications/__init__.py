"""Mail: a queue in Postgres, and the sender that empties it.

Any app sends mail with Django's own functions and need not import this package: EMAIL_BACKEND queues what they send.
"""
