"""Invoices and credit notes: what accounts owe, from their ledgers, written once and never changed."""
