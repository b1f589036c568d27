from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    # Django tries the routes in this order, so the most frequent ones come first.
    path("api/v1/", include("wallets.api.urls")),
    path("api/v1/", include("transactions.api.v1.urls")),
    path("api/v2/", include("transactions.api.v2.urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("wallets.auth.urls")),
    path("accounts/", include("allauth.urls")),
    path("api/", include("wallets.api.docs_urls")),
    path("", include("wallets.urls")),
    path("", include("transactions.urls")),
    path("", include("dashboard.urls")),
]

# Errors outside views are answered by path: with problem documents under /api/, with pages elsewhere.
handler400 = "wallets.api.handlers.bad_request"
handler500 = "wallets.api.handlers.server_error"
