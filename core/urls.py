"""Addresses of core: profile, users, settings, health."""

from django.urls import path

from core import views_profile, views_settings, views_users
from core.models import User
from core.tabs import tab_urls

app_name = "core"

urlpatterns = [
    path("healthz", views_settings.healthz, name="healthz"),
    path("profile/", views_profile.ProfileView.as_view(), name="profile"),
    path("profile/clock/", views_profile.ClockSwitchView.as_view(), name="clock_switch"),
    path("settings/", views_settings.SettingsView.as_view(), name="settings"),
    path("settings/users/", views_users.UserListView.as_view(), name="user_list"),
    path("settings/users/add/", views_users.UserAddView.as_view(), name="user_add"),
    *tab_urls(User, "settings/users/<int:pk>/"),
    path("settings/users/<int:pk>/edit/", views_users.UserEditView.as_view(), name="user_edit"),
    path("settings/users/<int:pk>/password/", views_users.PasswordResetView.as_view(), name="user_password"),
    path("settings/users/<int:pk>/disable/", views_users.DisableView.as_view(), name="user_disable"),
    path("settings/users/<int:pk>/enable/", views_users.EnableView.as_view(), name="user_enable"),
    path("settings/users/<int:pk>/second-factor/", views_users.SecondFactorView.as_view(), name="user_second_factor"),
]
