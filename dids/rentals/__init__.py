"""Rentals of DID numbers: who rents which number since when, and what has been charged for it."""
