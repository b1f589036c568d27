"""The books as a web process has them that holds none: each question is a call to the wallet service."""
