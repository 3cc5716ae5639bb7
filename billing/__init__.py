"""Products, rate tables, rating, balances, ledger, reservations."""
