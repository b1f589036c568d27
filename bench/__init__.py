"""`make bench`: how fast the wallet is, as ratios to what pgbench gets out of the same Postgres in the same run."""
