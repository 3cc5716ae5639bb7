"""Outgoing mail: written down in the transaction that wants it sent, handed to the mail server by a worker.

from systemlog.mail.services import Attachment, mail_is_set, queue_mail
"""
