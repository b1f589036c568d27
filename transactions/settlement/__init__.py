"""The durable job channel of asynchronous transfers: accept, settle, retry, dead letters. The queue is a table."""
