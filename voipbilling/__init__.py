"""Composition only: settings, URLs, Celery and WSGI entry points."""
