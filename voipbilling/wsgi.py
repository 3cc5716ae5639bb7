"""WSGI entry point, served by granian."""

import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voipbilling.settings")

application = get_wsgi_application()

# After Django is set up, in each web process: it moves the access log into the database and beats as "web".
import_module("systemlog.access.shipper").start()
