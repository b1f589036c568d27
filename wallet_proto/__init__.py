"""The gRPC contract in Python: made from `proto/` by `make proto`, never edited; for server and client alike."""
