"""Addresses of bulk changes."""

from django.urls import path

from core.jobs import action_views, template_views, views
from core.jobs.models import Job
from core.tabs import tab_urls

app_name = "jobs"

urlpatterns = [
    path("", views.JobListView.as_view(), name="job_list"),
    path("import/dids/", views.UploadView.as_view(kind_name="dids"), name="import_dids"),
    path("import/rates/", views.UploadView.as_view(kind_name="rates"), name="import_rates"),
    path("templates/", template_views.TemplateListView.as_view(), name="columntemplate_list"),
    path("templates/<int:pk>/delete/", template_views.TemplateDelete.as_view(), name="columntemplate_delete"),
    *tab_urls(Job),
    path("<int:pk>/apply/", action_views.JobApply.as_view(), name="job_apply"),
    path("<int:pk>/undo/", action_views.JobUndo.as_view(), name="job_undo"),
    path("<int:pk>/again/", action_views.JobAgain.as_view(), name="job_again"),
    path("<int:pk>/columns/", action_views.JobColumns.as_view(), name="job_columns"),
    path("<int:pk>/discard/", action_views.JobDiscard.as_view(), name="job_discard"),
]
