from django.urls import path

from transactions.api.provider.views import ProviderEventsView

urlpatterns = [
    path("events", ProviderEventsView.as_view(), name="provider_events"),
]
