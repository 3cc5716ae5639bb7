"""Carriers, their accounts (address or subnet) and number translation."""
