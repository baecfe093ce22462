"""The web process: `uvicorn console.asgi:application`."""

import gc
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

others = get_asgi_application()

# What follows reads settings and models, which are there only now.
from console import checks  # noqa: E402
from console.api.events_direct import direct  # noqa: E402

application = direct(others)
checks.refuse_unsafe_settings()
# What was loaded stays for ever: looking through it for garbage costs a sixth of what taking events does.
gc.collect()
gc.freeze()
