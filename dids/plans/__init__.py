"""Rental plans: what a DID number costs by the month, bought from a carrier or sold to an account."""
