"""The web access log: every access to the portal and every attempt at it.

A request appends one line to a file that its process alone writes (``spool``); a thread of that process moves whole
files into the database (``shipper``). So a request never waits for the log, and what PostgreSQL cannot take now waits
on disk, over a crash of the process too.
"""
