from django.contrib.admin import apps


class StaffAdminConfig(apps.AdminConfig):
    """Django admin with the project's own site."""

    default_site = "wallets.auth.staff_site.StaffSite"
