"""How processes log: one line per event on standard error, for a person or, with LOG_FORMAT=json, for a machine.

Everything goes through the standard library's loggers, so that Django, Celery and our own code come out alike, each
line with the request's id, user and address where there is one.
"""

from typing import Any

import structlog

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def logging_settings(level: str, form: str) -> dict[str, Any]:
    """Configure structlog, and return Django's LOGGING; ``form`` is "json" or "console"."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.processors.UnicodeDecoder(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    if form == "json":
        last: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # The default would print every frame's variables, and so passwords, phones' secrets and tokens.
        last = [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
                "foreign_pre_chain": SHARED,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Every access stands in the web access log; here only those that failed.
            "django_structlog": {"level": "ERROR"},
            "django.request": {"level": "CRITICAL"},
            "django.server": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
            "django": {"handlers": [], "level": level},
        },
    }
