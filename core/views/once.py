"""Forms that make a secret (a password, a token) and show it once."""

from typing import Any

from django.http.response import HttpResponseBase

from core.views.edit import ModelFormView


class ShownOnceMixin(ModelFormView):
    """Answer with the page of a new secret, in a response that nobody keeps.

    ``perform`` returns (holder, secret). The page extends ``core/shown_once.html``.
    """

    secret_name: str
    secret_template: str

    def done(self, form: Any, result: tuple[Any, str]) -> HttpResponseBase:
        """Show the secret in place of a redirect: stored nowhere, it exists in this response only."""
        holder, secret = result
        title = f"{self.secret_name} of {holder}"
        context = self.get_context_data() | {"title": title, "page_actions": [], "holder": holder, "secret": secret}
        response = self.render(context, self.secret_template)
        response["Cache-Control"] = "no-store"
        return response
