"""The site's settings, and one view more: the empty one that reads are measured against."""

from wallet_project.settings import *  # noqa: F403 - all of them

ROOT_URLCONF = "bench.site_urls"
