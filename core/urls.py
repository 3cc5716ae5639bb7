"""Addresses of core: profile, users, settings, health."""

from django.urls import path

from core.models import User
from core.tabs import tab_urls
from core.views import profile, settings, users

app_name = "core"

urlpatterns = [
    path("healthz", settings.healthz, name="healthz"),
    path("profile/", profile.ProfileView.as_view(), name="profile"),
    path("profile/clock/", profile.ClockSwitchView.as_view(), name="clock_switch"),
    path("settings/", settings.SettingsView.as_view(), name="settings"),
    path("settings/users/", users.UserListView.as_view(), name="user_list"),
    path("settings/users/add/", users.UserAddView.as_view(), name="user_add"),
    *tab_urls(User, "settings/users/<int:pk>/"),
    path("settings/users/<int:pk>/edit/", users.UserEditView.as_view(), name="user_edit"),
    path("settings/users/<int:pk>/password/", users.PasswordResetView.as_view(), name="user_password"),
    path("settings/users/<int:pk>/disable/", users.DisableView.as_view(), name="user_disable"),
    path("settings/users/<int:pk>/enable/", users.EnableView.as_view(), name="user_enable"),
    path("settings/users/<int:pk>/second-factor/", users.SecondFactorView.as_view(), name="user_second_factor"),
]
