"""Switches that speak HTTP: their names and tokens."""
