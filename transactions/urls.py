"""The addresses of the pages about money that moves."""

from django.urls import path

from transactions import views

urlpatterns = [
    path("add/", views.money_add, name="money_add"),
    path("withdraw/", views.money_withdraw, name="money_withdraw"),
    path("send/", views.money_send, name="money_send"),
    path("send/review/", views.money_send_review, name="money_send_review"),
    path("history/", views.history, name="history"),
    path("transactions/<int:transaction_id>/", views.transaction_page, name="transaction_page"),
]
