"""Turns accepted transfers into postings: acceptance, settlement in batches, retries, dead letters.

The jobs are rows in Postgres. Settlement does not depend on how a worker learns that there is work:
`transactions.channels` does that.
"""
