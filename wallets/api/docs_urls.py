"""The URLs under /api/ that belong to no version. They are included last; everything else under /api/ is a 404."""

from django.urls import path, re_path

from wallets.api import docs, handlers

urlpatterns = [
    path("schema", docs.SchemaView.as_view(), name="api_schema"),
    path("docs", docs.DocsView.as_view(), name="api_docs"),
    path("errors", docs.ErrorsView.as_view(), name="api_errors"),
    re_path("", handlers.api_not_found),
]
