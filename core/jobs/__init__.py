"""Bulk changes in the background: a file or a choice of rows is planned line by line, shown, applied whole, undone.

An app declares a kind (``core.jobs.kinds.JobKind``) with its columns and its rules; all else is here.
"""
