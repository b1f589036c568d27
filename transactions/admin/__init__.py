"""Django admin for how money moved: to be searched and read, by nobody to be changed."""

from transactions.admin import ledger

__all__ = ["ledger"]
