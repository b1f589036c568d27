"""The URLs of account pages that are not allauth's, or replace allauth's. They come before allauth's."""

from django.contrib.auth.decorators import login_required
from django.urls import path

from wallets.auth import views

urlpatterns = [
    path("email/", login_required(views.EmailView.as_view()), name="account_email"),
    path("email/undo/<str:key>/", views.email_change_undo, name="email_change_undo"),
]
