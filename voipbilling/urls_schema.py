"""The API's description (OpenAPI 3), for people who are signed in."""

from django.urls import path
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.permissions import AllowAny


class SchemaView(SpectacularJSONAPIView):
    """The schema as JSON; the access rule asks for a signed-in user."""

    access = "read"
    authentication_classes = []
    permission_classes = [AllowAny]


urlpatterns = [path("", SchemaView.as_view(), name="api_schema")]
