"""Money, currencies, ids and errors. Pure Python: this package needs neither Django nor a database."""
