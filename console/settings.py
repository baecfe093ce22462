"""Settings: from the environment (docs/deploy.md lists each); unsafe ones refuse to start (checks.py)."""

from urllib.parse import parse_qsl, unquote, urlsplit

from django.contrib.messages import constants as messages

from console import environment, logs

env = environment.load()
BASE_DIR = environment.ROOT
DATA = environment.data_folder()

# In the demo, and only there, known passwords and plain http are accepted.
DEMO = env.flag("AMENDS_DEMO")
DEBUG = False
SECRET_KEY = env.text("SECRET_KEY", "unset-" + "0" * 50)
ENCRYPTION_KEYS = env.words("ENCRYPTION_KEYS")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost")
BASE_URL = env.text("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
CSRF_TRUSTED_ORIGINS = [BASE_URL]
SECURE_COOKIES = env.flag("SECURE_COOKIES", BASE_URL.startswith("https://"))

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "csp",
    "django_filters",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "sagas",
    "compensation",
    "console",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "console.paths.keep_encoded_slashes",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "console.web.frame.viewer_zone",
]

ROOT_URLCONF = "console.urls"
ASGI_APPLICATION = "console.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.web.frame.context",
            ],
        },
    }
]


def database(url: str) -> dict[str, object]:
    """`postgresql://user:password@host:port/name?option=value` for Django; sockets by `?host=/path`."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "amends",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        # ASGI serves each request on a thread of its own, where a kept connection would not be found again.
        "OPTIONS": options | {"pool": {"min_size": 1, "max_size": 16, "timeout": 10}},
        "CONN_HEALTH_CHECKS": True,
    }


DATABASE_URL = env.text("DATABASE_URL")
DATABASES = {"default": database(DATABASE_URL or "postgresql:///amends")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

BROKER_URL = env.text("BROKER_URL")
CELERY_BROKER_URL = BROKER_URL or "redis://127.0.0.1:6379/0"
CELERY_TASK_IGNORE_RESULT = True
# Calls to participants have a queue of their own: one that hangs must not keep the sweep from finding what is
# due. A worker that is told of no queue takes from both.
CELERY_TASK_QUEUES: dict[str, dict[str, str]] = {"celery": {}, "calls": {}}
CELERY_TASK_ROUTES = {
    task: {"queue": "calls"}
    for task in ("compensation.tasks.execute", "compensation.tasks.plan", "compensation.tasks.run")
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 2.0
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A killed worker's messages come back after this many seconds; nothing depends on it but latency.
    "visibility_timeout": 60,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # Whoever nudges a worker does not wait for a broker that is down: beat finds the work when it is back.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
    "socket_connect_timeout": 2,
}
# What is due each second need not be remembered: a schedule in memory survives every crash.
CELERY_BEAT_SCHEDULER = "console.beating:Beating"
CELERY_BEAT_SCHEDULE = {
    name: {"task": task, "schedule": every, "options": {"expires": max(every, 1.0) * 5}}
    for name, task, every in [
        ("find what is due", "sagas.tasks.sweep", 1.0),
        ("learn rhythms", "sagas.tasks.learn_rhythms", 5.0),
        ("deliver alerts", "sagas.tasks.deliver_alerts", 1.0),
        # Once in two minutes it is due, and may find another at work.
        ("renew alerts", "sagas.tasks.renew_alerts", 10.0),
        ("go on with replays", "sagas.tasks.go_on_with_replays", 1.0),
        ("forget what was replayed", "sagas.tasks.forget_replayed", 60.0),
        ("go on with adoptions", "sagas.tasks.go_on_with_adoptions", 1.0),
        ("recover repairs", "compensation.tasks.recover", 1.0),
        ("learn what is normal", "sagas.tasks.learn", 5.0),
        ("go on with trials", "sagas.tasks.work_on_trials", 1.0),
        ("go on with exports", "console.tasks.work_on_exports", 1.0),
        ("anchor the audit log", "sagas.tasks.anchor_audit", 60.0),
        ("tell the watchdog", "console.tasks.tell_watchdog", 5.0),
    ]
}

# In the database: people sign in, and pages are shown, while the broker is away. How often somebody tried to
# sign in is kept here, too; past so many entries a third of them is forgotten.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "console_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
# Names are given by an admin, and no mail is ever sent to an account.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "console.accounts.Adapter"
ACCOUNT_SESSION_REMEMBER = True
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_COOKIES else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_COOKIES else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# By the tones of pages.
MESSAGE_TAGS = {messages.SUCCESS: "ok", messages.WARNING: "warn", messages.ERROR: "bad"}

STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "console.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["console.permissions.Permitted"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["console.api.rendering.Json"],
    "DEFAULT_PARSER_CLASSES": ["console.api.parsing.Json"],
    "DEFAULT_PAGINATION_CLASS": "console.api.pagination.Keyset",
    "DEFAULT_FILTER_BACKENDS": ["console.api.filters.Filters"],
    "EXCEPTION_HANDLER": "console.api.problem_details.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Amends",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": "Events in; sagas, findings and repairs out.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "RepairState": "compensation.models.Repair.State",
        "ActionState": "compensation.models.RepairAction.State",
        "ActionKind": "compensation.models.RepairAction.Kind",
        "DeliveryState": "sagas.models.Delivery.State",
        # A replay and an adoption have the same states.
        "ReplayState": "sagas.models.Replay.State",
        "QuarantineState": "sagas.models.Quarantined.State",
        # An export has the same states.
        "JobState": "sagas.models.Trial.State",
        "ExportFormat": "console.models.AuditExport.Format",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "console.api.events_schema.add_events",
        "console.api.schema.add_problems",
        "console.api.events_schema.add_events",
        "console.api.schema.add_summaries",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# What is taken at POST /api/v1/events. Bytes and counts; past them the answer is 413 and says which.
INGEST_MAX_BYTES = int(env.number("INGEST_MAX_BYTES", 4 * 1024 * 1024, least=1024))
INGEST_MAX_EVENT_BYTES = int(env.number("INGEST_MAX_EVENT_BYTES", 256 * 1024, least=1024))
INGEST_MAX_EVENTS = int(env.number("INGEST_MAX_EVENTS", 1000, least=1))
# Step executions of one saga, each as often as sources speak of it. A saga is read and written as a whole.
SAGA_MAX_EXECUTIONS = int(env.number("SAGA_MAX_EXECUTIONS", 5000, least=1))
# Of each participant and foreign type, the newest events that no mapping took are kept, for a replay.
FOREIGN_EVENTS_KEPT = int(env.number("FOREIGN_EVENTS_KEPT", 10_000, least=1))
# Likewise of each participant and reason, of all others that were refused.
REFUSED_EVENTS_KEPT = int(env.number("REFUSED_EVENTS_KEPT", 10_000, least=1))
# Days for which an event that was replayed is still shown as it came.
REPLAYED_EVENTS_DAYS = env.number("REPLAYED_EVENTS_DAYS", 30, least=1)
DATA_UPLOAD_MAX_MEMORY_SIZE = INGEST_MAX_BYTES

# Seconds. A step, compensation or saga that nobody gave a deadline is due after this long.
DEFAULT_DEADLINE = env.number("DEFAULT_DEADLINE", 900, least=1)
# Seconds. Clocks of two sources may differ by this much, so a smaller difference proves no order.
SKEW_ALLOWANCE = env.number("SKEW_ALLOWANCE", 2.0)
# Attempts of one step from which on somebody should look, where its definition says no other number.
ATTEMPT_STORM = env.number("ATTEMPT_STORM", 20, least=2)

# Seconds. However quickly a participant normally speaks, it is not found silent before.
SILENCE_FLOOR = env.number("SILENCE_FLOOR", 60, least=10)

# smtp://host:port, or smtp+tls://user:password@host:port
EMAIL_URL = urlsplit(env.text("EMAIL_URL", "smtp://127.0.0.1:25"))
EMAIL_HOST = EMAIL_URL.hostname or "127.0.0.1"
EMAIL_PORT = EMAIL_URL.port or 25
EMAIL_HOST_USER = unquote(EMAIL_URL.username or "")
EMAIL_HOST_PASSWORD = unquote(EMAIL_URL.password or "")
EMAIL_USE_TLS = EMAIL_URL.scheme == "smtp+tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("ALERT_EMAIL_FROM", "amends@localhost")
ALERT_EMAIL_TO = env.words("ALERT_EMAIL_TO")
ALERT_WEBHOOK_URLS = env.words("ALERT_WEBHOOK_URLS")
ALERT_WEBHOOK_SECRET = env.text("ALERT_WEBHOOK_SECRET")

# Seconds, and entries: the audit log is anchored once the first have passed or the second have come, where
# there are new entries; and the anchor is sent to these addresses, signed with ALERT_WEBHOOK_SECRET.
AUDIT_ANCHOR_EVERY = env.number("AUDIT_ANCHOR_EVERY", 3600, least=60)
AUDIT_ANCHOR_ENTRIES = int(env.number("AUDIT_ANCHOR_ENTRIES", 10_000, least=1))
AUDIT_ANCHOR_WEBHOOK_URLS = env.words("AUDIT_ANCHOR_WEBHOOK_URLS")

# A dead man's switch: an address that is called so often, in seconds, while all is well, and else not.
WATCHDOG_URL = env.text("WATCHDOG_URL")
WATCHDOG_EVERY = env.number("WATCHDOG_EVERY", 60, least=10)
# Seconds without an event from anybody after which Amends counts as cut off from its senders; 0: never.
INGEST_GAP = env.number("INGEST_GAP", 0, least=0)

# Sent as a bearer token it opens /metrics; so do API tokens and, where BASE_URL is local, local peers.
METRICS_TOKEN = env.text("METRICS_TOKEN")

# text: a line for people; json: an object for a log store. Neither holds headers, bodies or secrets.
LOGGING = logs.configure(env.text("LOG_FORMAT", "text"), env.text("LOG_LEVEL", "INFO"))
