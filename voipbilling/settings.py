"""Settings, all from the environment; docs/operating.md lists them."""

import os
from pathlib import Path

import dj_database_url
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured

from core.mail_settings import read_mail_url
from switch.environment import tls_port
from switch.render import node_host
from voipbilling.logs import logging_settings

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("VOIPBILLING_DATA", BASE_DIR / ".data"))


def env_flag(name: str, default: bool = False) -> bool:
    """Return the boolean an environment variable holds; 1, true, yes and on are true."""
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def env_list(name: str, default: str = "") -> list[str]:
    """Return the comma-separated items of an environment variable, without blanks."""
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


DEBUG = env_flag("DEBUG")
# Only the launcher's key makes a process of the product; tools that never serve a request (checks, type
# checkers, migrations' dry run) get a random one, so that no default secret exists anywhere.
SECRET_KEY = os.environ.get("SECRET_KEY") or os.urandom(32).hex()
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "*" if DEBUG else "localhost,127.0.0.1,[::1]")
# Shown in the header of every page: what stands here is invented (bin/run --demo).
DEMO = env_flag("DEMO")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES = env_list("TRUSTED_PROXIES")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "django.contrib.postgres",
    "pgtrigger",
    "pghistory",
    "netfields",
    "rest_framework",
    "drf_spectacular",
    "django_filters",
    "django_tables2",
    "django_htmx",
    "crispy_forms",
    "crispy_bootstrap5",
    "tablericons",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "core",
    "core.jobs",
    "systemlog",
    "systemlog.mail",
    "billing",
    "billing.metering",
    "billing.seller",
    "carriers",
    "accounts",
    "dids.plans",
    "dids",
    "dids.rentals",
    "routing",
    "cdr",
    "cdr.invoices",
    "cdr.reports",
]

MIDDLEWARE = [
    "core.stack_room.stack_room",
    "django.middleware.security.SecurityMiddleware",
    # Static files are answered here and never reach the access log.
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "systemlog.access.middleware.AccessLogMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "core.middleware.TimeZoneMiddleware",
    "core.middleware.ActorMiddleware",
    "core.middleware.PasswordChangeMiddleware",
    # Last: it looks at the view, and what it refuses has passed all of the above.
    "core.access.AccessMiddleware",
]

ROOT_URLCONF = "voipbilling.urls"
WSGI_APPLICATION = "voipbilling.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.context.portal",
            ],
        },
    }
]

DATABASES = {
    "default": dj_database_url.parse(
        os.environ.get("DATABASE_URL", "postgresql://voipbilling@localhost/voipbilling"),
        conn_max_age=60,
        conn_health_checks=True,
    )
}
# A server whose machine or network is gone sends no reset: without these a worker would wait for it for two hours.
DATABASES["default"]["OPTIONS"] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    **DATABASES["default"].get("OPTIONS", {}),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "core.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "core.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = False
# A guesser is slowed by address and by name; both count only in the shared cache, so all web processes agree.
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "voipbilling"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
# The launcher serves plain HTTP on this machine; behind a proxy that ends TLS, set SECURE_COOKIES.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env_flag("SECURE_COOKIES")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
CSRF_FAILURE_VIEW = "core.views.errors.csrf_failure"

# Widgets of ours have templates beside all others.
FORM_RENDERER = "core.form_renderer.PortalRenderer"

LOGGING = logging_settings(os.environ.get("LOG_LEVEL", "INFO").upper(), os.environ.get("LOG_FORMAT", "console"))

NAVIGATION = "voipbilling.navigation.NAVIGATION"
SETTINGS_PARTS = "voipbilling.navigation.SETTINGS_PARTS"

# No inline script or style anywhere; Tabler's own drawings are data: images in its style sheet.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
# Billing days and months follow one business time zone, whatever zone a user reads times in.
BUSINESS_TIME_ZONE = os.environ.get("BUSINESS_TIME_ZONE", "UTC")

STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT", BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "core.assets.VendorFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "core.assets.StaticStorage"},
}
# In development files are served as they lie, without collectstatic.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

TABLERICONS_SIZE = 18
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

FILE_UPLOAD_HANDLERS = [
    "core.jobs.upload.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Event stream, Celery broker and cache are three databases of one server; the broker is never the stream's.
REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379").rstrip("/")


# Parallel test workers share one server and differ in where they start counting.
REDIS_FIRST_DATABASE = int(os.environ.get("REDIS_FIRST_DATABASE", "0"))


def redis_database_url(number: int) -> str:
    """Return the URL of one numbered database of REDIS_URL; unix sockets name it in the query."""
    number += REDIS_FIRST_DATABASE
    if REDIS_URL.startswith("unix"):
        separator = "&" if "?" in REDIS_URL else "?"
        return f"{REDIS_URL}{separator}db={number}"
    return f"{REDIS_URL}/{number}"


EVENT_STREAM_URL = redis_database_url(0)
EVENT_STREAM = "switch:events"
EVENT_GROUP = "ingest"
# Threads of an ingest worker that each take batches: while PostgreSQL writes the one's, the other reads and judges.
INGEST_CONSUMERS = int(os.environ.get("INGEST_CONSUMERS", "2"))
CELERY_BROKER_URL = (
    f"redis+socket{REDIS_URL[4:]}?virtual_host={REDIS_FIRST_DATABASE + 1}"
    if REDIS_URL.startswith("unix")
    else redis_database_url(1)
)
# Tasks: acknowledged when done, so that a killed worker's task runs again; every task is written to bear that.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_TIME_LIMIT = 600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Redis gives a task to another worker when it is unacknowledged for so long; above the time limit, or it runs twice.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 1800}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TIMEZONE = BUSINESS_TIME_ZONE
CELERY_BEAT_SCHEDULER = "voipbilling.beat:BeatingScheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "ensure-partitions": {"task": "systemlog.tasks.ensure_partitions", "schedule": 6 * 3600},
    "prune-seen-events": {"task": "systemlog.tasks.prune_seen_events", "schedule": 3600},
    "watch-certificate": {"task": "systemlog.tasks.watch_certificate", "schedule": 60, "options": {"expires": 60}},
    "prune-reservations": {"task": "billing.tasks.prune_reservations", "schedule": 600},
    "prune-config-history": {"task": "routing.tasks.prune_config_history", "schedule": 24 * 3600},
    "prove-ledger": {"task": "billing.tasks.prove_ledger", "schedule": crontab(hour="3", minute="40")},
    "tell-low-balances": {"task": "billing.tasks.tell_low_balances", "schedule": 15, "options": {"expires": 15}},
    # What is not taken within a minute is asked again anyway: a backlog after an outage of the worker serves nobody.
    "bill-rentals": {"task": "dids.rentals.tasks.bill_rentals", "schedule": 30, "options": {"expires": 30}},
    "renew-reports": {"task": "cdr.reports.tasks.renew_reports", "schedule": 5, "options": {"expires": 5}},
    "check-reports": {"task": "cdr.reports.tasks.check_reports", "schedule": crontab(hour="3", minute="20")},
    "end-quarantines": {"task": "dids.tasks.end_quarantines", "schedule": 300},
    "deliver-mail": {"task": "systemlog.mail.tasks.deliver_due_mail", "schedule": 20, "options": {"expires": 20}},
    "resume-invoice-runs": {"task": "cdr.invoices.tasks.resume_runs", "schedule": 20, "options": {"expires": 20}},
    "prune-attachments": {"task": "systemlog.mail.tasks.prune_attachments", "schedule": 24 * 3600},
    "resume-jobs": {"task": "core.jobs.tasks.resume_jobs", "schedule": 5},
    "prune-jobs": {"task": "core.jobs.tasks.prune_jobs", "schedule": 6 * 3600},
}
# How long files and lines of bulk changes are kept, and with them the way to undo one.
BULK_DAYS = int(os.environ.get("BULK_DAYS", "30"))
# Longer than the switch keeps its local record, the longest possible replay.
SEEN_EVENTS_DAYS = int(os.environ.get("SEEN_EVENTS_DAYS", "30"))
# An event is judged by the version that decided it: as long as it may come.
CONFIG_HISTORY_DAYS = max(SEEN_EVENTS_DAYS, int(os.environ.get("CONFIG_HISTORY_DAYS", "90")))

# Outgoing mail; without a server nothing is sent, and the pages that would send say so.
try:
    MAIL_SERVER = read_mail_url(os.environ.get("EMAIL_URL", ""))
except ValueError as error:
    raise ImproperlyConfigured(str(error)) from None
EMAIL_HOST, EMAIL_PORT = MAIL_SERVER.host, MAIL_SERVER.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL_SERVER.user, MAIL_SERVER.password
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL_SERVER.starttls, MAIL_SERVER.tls
EMAIL_TIMEOUT = 10
MAIL_FROM = os.environ.get("MAIL_FROM") or (EMAIL_HOST_USER if "@" in EMAIL_HOST_USER else "voipbilling@localhost")

CACHES = {
    "default": {
        "BACKEND": "core.cache.SharedCache",
        "LOCATION": redis_database_url(2),
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
}

# Where the switch on this machine keeps its local record of events and answers JSON-RPC (switch/CONTRACT.md).
SWITCH_RECORD_DIR = Path(os.environ.get("SWITCH_RECORD_DIR", DATA_DIR / "switch" / "record"))
SWITCH_RPC_SOCKET = Path(os.environ.get("VOIPBILLING_RUN", DATA_DIR / "run")) / "rpc.sock"
SWITCH_RECORD_DAYS = int(os.environ.get("SWITCH_RECORD_DAYS", "7"))
# The API speaks JSON only, and only with switches, which prove themselves by a token, unless a view says otherwise.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["systemlog.authentication.SwitchTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["systemlog.authentication.IsSwitch"],
    "DEFAULT_PARSER_CLASSES": ["core.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.problems.problem_response",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "voipbilling",
    "DESCRIPTION": (
        "The configuration, for signed-in people, and what a switch asks of the portal and tells it "
        "(switch/CONTRACT.md describes decisions and events)."
    ),
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
}

# The switch, as the portal describes it to operators and as its files are rendered.
SWITCH_NAME = os.environ.get("SWITCH_NAME", "sw1")
SIP_ADDRESS = os.environ.get("SIP_ADDRESS", "127.0.0.1")
SIP_PORT = int(os.environ.get("SIP_PORT", "5060"))
# 0: no TLS.
SIP_TLS_PORT = tls_port(os.environ)
SIP_TLS_CERTIFICATE = Path(os.environ.get("SIP_TLS_CERTIFICATE") or DATA_DIR / "switch" / "tls" / "certificate.pem")
SIP_LISTEN = [part.strip("[]") for part in env_list("SIP_LISTEN")]
SIP_REALM = os.environ.get("SIP_REALM", "voipbilling")
# Phones do not choose (SWITCH.md): one algorithm for the whole switch, MD5 or SHA-256.
SIP_DIGEST_ALGORITHM = os.environ.get("SIP_DIGEST_ALGORITHM", "MD5")
SIP_NOT_REGISTERED_CODE = int(os.environ.get("SIP_NOT_REGISTERED_CODE", "487"))
SIP_NO_RESPONSE_TIMEOUT = float(os.environ.get("SIP_NO_RESPONSE_TIMEOUT", "6"))
SIP_NO_ANSWER_TIMEOUT = float(os.environ.get("SIP_NO_ANSWER_TIMEOUT", "60"))
MAX_CALL_SECONDS = int(os.environ.get("MAX_CALL_SECONDS", "14400"))


def node_address() -> str:
    """Return where the other switch nodes reach this one's SIP port: NODE_ADDRESS, else the first of SIP_LISTEN."""
    if given := os.environ.get("NODE_ADDRESS"):
        return given
    listens = [address.strip("[]") for address in env_list("SIP_LISTEN", SIP_ADDRESS)]
    return f"{node_host(listens)}:{SIP_PORT}"


NODE_ADDRESS = node_address()
EVAPI_LISTEN = os.environ.get("EVAPI_LISTEN", "127.0.0.1:8448")

# How many days a released number rests before it may be mapped again; 0: none.
DID_QUARANTINE_DAYS = int(os.environ.get("DID_QUARANTINE_DAYS", "30"))

# How many days an account may leave a number's rental unpaid before the number is suspended; 0: at once.
RENTAL_GRACE_DAYS = int(os.environ.get("RENTAL_GRACE_DAYS", "7"))
# Whether the days of a charged month after a number's release are paid back.
RENTAL_REFUND_UNUSED = env_flag("RENTAL_REFUND_UNUSED")

# Money: one quantum is the price of this many seconds, plus one increment.
RESERVATION_SECONDS = int(os.environ.get("RESERVATION_SECONDS", "60"))
DEFAULT_CURRENCY = os.environ.get("DEFAULT_CURRENCY", "USD")
