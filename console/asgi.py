"""The web process: `uvicorn console.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

from console import checks

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

application = get_asgi_application()
checks.refuse_unsafe_settings()
