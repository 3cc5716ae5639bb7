"""Tabs that this app hangs on the pages of others."""

from systemlog.access.views import UserAccessTab

__all__ = ["UserAccessTab"]
