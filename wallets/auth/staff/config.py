from django.contrib.admin import apps


class StaffAdminConfig(apps.AdminConfig):
    """Configures the Django admin to use the project's own site."""

    default_site = "wallets.auth.staff.site.StaffSite"
