from django.apps import AppConfig

import console.celery  # noqa: F401  (shared tasks find the application, also in the web process)


class ConsoleConfig(AppConfig):
    name = "console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import console.checks  # noqa: F401  (registers the system checks)
