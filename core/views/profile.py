"""A user's own page: time zone, clock, colours."""

import zoneinfo
from functools import lru_cache
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from core.access import Access
from core.models import User
from core.views.base import PageView
from core.views.edit import ModelFormView


@lru_cache(maxsize=1)
def zone_choices() -> list[tuple[str, str]]:
    """Return the zones of the IANA database, UTC first; the old aliases without a region are left out."""
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


class ProfileForm(forms.ModelForm):
    """What users may change about themselves."""

    class Meta:
        model = User
        fields = ("first_name", "last_name", "email", "time_zone", "show_utc")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"] = forms.ChoiceField(choices=zone_choices, label="Time zone")


class ProfileView(ModelFormView):
    """Change one's own settings."""

    access = Access.READ
    access_post = Access.READ
    template_name = "core/profile.html"
    model = User
    form_class = ProfileForm
    title = "Profile"
    success_message = "Profile saved."

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Take the user of the session, whoever else an address might name."""
        super().setup(request, *args, **kwargs)
        # A copy: a refused form must not change the user that the page's own head shows.
        self.object = get_object_or_404(User, pk=self.actor.pk)

    def get_initial(self) -> dict[str, Any]:
        """Return nothing: no address prefills a profile."""
        return {}

    def get_success_url(self, result: Any) -> str:
        """Stay here."""
        return reverse("core:profile")

    def get_cancel_url(self) -> str:
        """Return the first page."""
        return "/"


class ClockSwitchView(PageView):
    """Switch between one's own zone and UTC, and return to the page where one was."""

    access = Access.READ
    access_post = Access.READ
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Turn the switch over."""
        user = self.actor
        user.show_utc = not user.show_utc
        user.save(update_fields=["show_utc"])
        after = request.POST.get("next", "")
        safe = url_has_allowed_host_and_scheme(after, allowed_hosts={request.get_host()})
        return HttpResponseRedirect(after if safe else "/")
