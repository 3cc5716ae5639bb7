"""API errors as problem details (RFC 9457): one shape for every refusal, with nothing of our insides in it."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: "Bad request",
    401: "Authentication needed",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    413: "Body too large",
    415: "Unsupported media type",
    429: "Too many requests",
    503: "Not available now",
}


class BodyTooLarge(exceptions.APIException):
    """The request's body is larger than anything this address takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large."
    default_code = "too_large"


class NotAvailable(exceptions.APIException):
    """What the answer needs is away for the moment."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Not available now; try again."
    default_code = "not_available"


def problem_response(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Return the problem that describes a refusal; None for what is no refusal but a fault of ours (500)."""
    response = exception_handler(exception, context)
    if response is None:
        return None
    set_rollback()
    detail, errors = _split(exception, response.data)
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(response.status_code, response.status_text),
        "status": response.status_code,
        "detail": detail,
    }
    if errors:
        problem["errors"] = errors
    response.data = problem
    response.content_type = MEDIA_TYPE
    return response


def _split(exception: Exception, data: Any) -> tuple[str, Any]:
    """Return the sentence and, where fields are wrong, which and why."""
    if isinstance(exception, exceptions.ValidationError):
        return "The request does not hold what it should.", data
    if isinstance(exception, Http404):
        return "There is nothing at this address.", None
    if isinstance(exception, PermissionDenied):
        return str(exception) or "You may not do this.", None
    return str(data.get("detail", "")) if isinstance(data, dict) else str(data), None
