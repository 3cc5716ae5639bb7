"""Tests, one folder per app; contract/, switch/ and browser/ drive the running product."""
