"""Addresses of bulk changes."""

from django.urls import path

from core.jobs import views
from core.jobs.models import Job
from core.tabs import tab_urls

app_name = "jobs"

urlpatterns = [
    path("", views.JobListView.as_view(), name="job_list"),
    path("import/dids/", views.UploadView.as_view(kind_name="dids"), name="import_dids"),
    path("import/rates/", views.UploadView.as_view(kind_name="rates"), name="import_rates"),
    path("templates/", views.TemplateListView.as_view(), name="columntemplate_list"),
    path("templates/<int:pk>/delete/", views.TemplateDelete.as_view(), name="columntemplate_delete"),
    *tab_urls(Job),
    path("<int:pk>/apply/", views.JobApply.as_view(), name="job_apply"),
    path("<int:pk>/undo/", views.JobUndo.as_view(), name="job_undo"),
    path("<int:pk>/again/", views.JobAgain.as_view(), name="job_again"),
    path("<int:pk>/columns/", views.JobColumns.as_view(), name="job_columns"),
    path("<int:pk>/discard/", views.JobDiscard.as_view(), name="job_discard"),
]
