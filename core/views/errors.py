"""Pages for what went wrong; each says what to do next."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def _page(request: HttpRequest, status: int, title: str, text: str, *, retry: bool = False) -> HttpResponse:
    context = {"title": title, "text": text, "status": status, "retry": retry}
    signed_in = getattr(request, "user", None) is not None and request.user.is_authenticated
    return render(request, "core/error.html" if signed_in else "core/error_plain.html", context, status=status)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403 with the role that would be needed."""
    reason = str(exception) if exception and str(exception) else "Your role does not allow this."
    return _page(request, 403, "Not allowed", f"{reason} An administrator can change your role.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404."""
    return _page(request, 404, "Not found", "There is nothing at this address. What was here may have been deleted.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without asking the database for anything: it may be what is broken."""
    context = {"title": "Something broke", "text": "The portal could not finish this. Nothing was changed halfway."}
    return render(None, "core/error_plain.html", context, status=500)


def csrf_failure(request: HttpRequest, reason: str = "", **kwargs: Any) -> HttpResponse:
    """Answer 403 for a form whose page was too old, or that came from another site."""
    return _page(
        request, 403, "This form has expired", "Go back, reload the page and send it again; you may have to log in."
    )
