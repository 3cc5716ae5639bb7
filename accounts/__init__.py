"""Clients, accounts, aliases and their registrations."""
