"""From accepted transfer to ledger: accepting, settling in batches, retries, dead letters. The queue is a table.

Settlement does not know how anybody learned that there is work: that is the business of `transactions.channels`.
"""
