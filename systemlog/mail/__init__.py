"""Outgoing mail: written down in the transaction that wants it sent, handed to the mail server by a worker.

server ← delivery ← tasks ← services (queue_mail, send_again), which other apps call
"""
