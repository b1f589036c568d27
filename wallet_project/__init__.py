"""Deployment wiring. Celery's application is loaded with Django, so that `shared_task` finds it."""

from wallet_project.celery import app as celery_app

__all__ = ["celery_app"]
