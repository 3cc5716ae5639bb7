"""Who may open what: every address declares a rule, and one middleware enforces it.

A view without a rule is a mistake that must not become a hole: the system check ``core.E001`` names it, and the
middleware refuses to serve it. Rules are ordered by what they ask of the user's role.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.functional import Promise

from core.choices import Role

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Access(StrEnum):
    """A rule; ``TOKEN`` leaves the check to the view itself, which authenticates machines, never browsers."""

    PUBLIC = "public"
    TOKEN = "token"  # noqa: S105 - the name of a rule, not a secret
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


ROLES_OF_RULE: dict[Access, frozenset[str]] = {
    Access.READ: frozenset({Role.ADMINISTRATOR, Role.OPERATOR, Role.SUPPORT}),
    Access.WRITE: frozenset({Role.ADMINISTRATOR, Role.OPERATOR}),
    Access.ADMIN: frozenset({Role.ADMINISTRATOR}),
}


@dataclass(frozen=True)
class Rule:
    """What a view asks for safe methods, and for those that may change something."""

    safe: Access
    unsafe: Access

    def for_method(self, method: str | None) -> Access:
        """Return the rule that applies to one HTTP method."""
        return self.safe if method in SAFE_METHODS else self.unsafe


# Views of other packages cannot carry an attribute of ours; they are named here by "module.function or class".
_external: dict[str, Rule] = {}


def declare_external(path: str, access: Access | str, unsafe: Access | str | None = None) -> None:
    """Declare the rule of another package's view, named by its dotted path, or of a whole module ending in ``.*``."""
    safe = Access(access)
    _external[path] = Rule(safe, Access(unsafe) if unsafe else safe)


def rule(access: Access | str, unsafe: Access | str | None = None) -> Callable[[Any], Any]:
    """Decorate a function view with its rule; a read view that takes a POST must say what the POST needs."""

    def decorate(view: Any) -> Any:
        view.access = Access(access)
        if unsafe:
            view.access_post = Access(unsafe)
        return view

    return decorate


def rule_of(view: Any) -> Rule | None:
    """Return the rule a view callable declares, or None.

    Class-based views and DRF viewsets declare ``access`` (and ``access_post``) as class attributes. A read view's
    unsafe methods need ``write`` unless it says otherwise, so that forgetting ``access_post`` never opens a door.
    """
    holder = getattr(view, "view_class", None) or getattr(view, "cls", None) or view
    access = getattr(holder, "access", None)
    if access is None:
        dotted = f"{getattr(holder, '__module__', '')}.{getattr(holder, '__qualname__', type(holder).__name__)}"
        found = _external.get(dotted)
        while found is None and "." in dotted:
            dotted = dotted.rpartition(".")[0]
            found = _external.get(f"{dotted}.*")
        return found
    safe = Access(access)
    unsafe = Access(getattr(holder, "access_post", None) or (Access.WRITE if safe is Access.READ else safe))
    # A base view says "write" of its POSTs; of an administrators' page that would be too little.
    return Rule(safe, max(safe, unsafe, key=list(Access).index))


def allows(user: Any, access: Access | str) -> bool:
    """Tell whether a user's role satisfies a rule; nobody but active, signed-in users passes a role rule."""
    access = Access(access)
    if access in (Access.PUBLIC, Access.TOKEN):
        return True
    if not (user.is_authenticated and user.is_active):
        return False
    return user.role in ROLES_OF_RULE[access]


def iterate_views(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every address pattern of the URL configuration with its view."""
    for entry in (resolver or get_resolver()).url_patterns:
        address = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from iterate_views(entry, address)
        else:
            yield address, entry


class AccessMiddleware:
    """Enforce each view's rule: sign-in page for strangers, 403 for the wrong role, failure for no rule at all."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Let the request pass (None), send a stranger to the sign-in page, or refuse."""
        declared = rule_of(view)
        if declared is None:
            raise ImproperlyConfigured(f"{view!r} at {request.path} declares no access rule")
        needed = declared.for_method(request.method)
        if allows(request.user, needed):
            return None
        if request.user.is_authenticated:
            raise PermissionDenied(refusal(needed))
        if request.headers.get("HX-Request") == "true":
            # htmx would swap the sign-in page into a fragment; it must leave the page instead.
            response = HttpResponse(status=401)
            response["HX-Refresh"] = "true"
            return response
        return redirect_to_login(request.get_full_path())


def refusal(access: Access) -> str | Promise:
    """Say which roles could do what was refused."""
    roles = [Role(role).label.lower() for role in Role.values if role in ROLES_OF_RULE[access]]
    return f"This needs the role {' or '.join(roles)}."
