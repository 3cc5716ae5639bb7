"""Composition of the product: settings, addresses, Celery, WSGI."""

from voipbilling.celery import app as celery_app

__all__ = ["celery_app"]
