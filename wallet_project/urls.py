from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    # First what is asked for most: addresses are tried in this order.
    path("api/v1/", include("wallets.api.urls")),
    path("api/v1/", include("transactions.api.v1.urls")),
    path("api/v2/", include("transactions.api.v2.urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/", include("wallets.api.docs_urls")),
    path("", include("wallets.urls")),
    path("", include("transactions.urls")),
    path("", include("dashboard.urls")),
]

# Errors that never reach a view are answered by path: problem details under /api/, a page elsewhere.
handler400 = "wallets.api.handlers.bad_request"
handler500 = "wallets.api.handlers.server_error"
