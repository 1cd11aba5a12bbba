"""All settings, read once from the environment. The table of variables is in README.md.

A wrong value stops the start and names the variable, never the value. Each variable may also be given as
NAME_FILE, the path of a file that holds it.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import dj_database_url
import django
import structlog
from environs import EnvValidationError, FileAwareEnv, ValidationError, validate

from .keys import kept_secret_key
from .queue import queue_at
from .redact import redact_event

if TYPE_CHECKING:
    import logging

BASE_DIR = Path(__file__).resolve().parent.parent


class _Env(FileAwareEnv):
    def _get_value(self, env_key: Any, default: Any) -> Any:
        try:
            return super()._get_value(env_key, default)
        except ValueError:
            sys.exit(f"{env_key}_FILE: Must be the path of a readable file.")


env = _Env(eager=False, strip_whitespace=True)

# ── Environment ──────────────────────────────────────────────────────────────────────────────────────────

_http = validate.URL(schemes={"http", "https"}, require_tld=False, error="Must be an http(s) URL.")
_positive = validate.Range(min=0, min_inclusive=False, error="Must be greater than 0.")
_at_least_one = validate.Range(min=1, error="Must be 1 or more.")


def _zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ValidationError("Must be a time zone, such as Asia/Shanghai.") from None


def _database(url: str) -> None:
    try:
        dj_database_url.parse(url or "sqlite://")
    except ValueError:
        raise ValidationError("Must be a URL with %-encoded parts.") from None


DEBUG = env.bool("DEBUG", False)
LOG_LEVEL = env.str(
    "LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])
)
VAR_DIR = env.path("VAR_DIR", BASE_DIR / "var")
PORT = env.int("PORT", 8000, validate=validate.Range(min=1, max=65535, error="Must be a port."))
PUBLIC_URL = env.str("PUBLIC_URL", "", validate=lambda url: url == "" or _http(url) is not None)
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0, validate=validate.Range(min=0))
TIME_ZONE = env.str("TIME_ZONE", "Asia/Shanghai", validate=_zone)
DATABASE_URL = env.str(
    "DATABASE_URL",
    "",
    validate=[
        validate.Regexp(
            r"^(|(sqlite|postgres|postgresql)://.*)$",
            error="Must be a sqlite:// or postgresql:// URL.",
        ),
        _database,
    ],
)
CACHE_URL = env.str(
    "CACHE_URL",
    "",
    validate=validate.Regexp(r"^(|rediss?://.*)$", error="Must be a redis:// or rediss:// URL."),
)
QUEUE_URL = env.str(
    "QUEUE_URL",
    "",
    validate=validate.Regexp(
        r"^(|sqlite:///.+|rediss?://.+|postgres(ql)?://.+)$",
        error="Must be a sqlite:///, redis:// or postgresql:// URL.",
    ),
)
_given_secret_key = env.str("SECRET_KEY", "")

DINGTALK_CLIENT_ID = env.str("DINGTALK_CLIENT_ID", "")
DINGTALK_CLIENT_SECRET = env.str("DINGTALK_CLIENT_SECRET", "")
DINGTALK_CORP_ID = env.str("DINGTALK_CORP_ID", "")
DINGTALK_EDITION = env.str(
    "DINGTALK_EDITION",
    "china",
    validate=validate.OneOf(["china", "international"], error="Must be china or international."),
)
_given_oapi_url = env.str(
    "DINGTALK_OAPI_URL", "", validate=lambda u: u == "" or _http(u) is not None
)
_given_api_url = env.str("DINGTALK_API_URL", "", validate=lambda u: u == "" or _http(u) is not None)
DINGTALK_ROOT_ID = env.int("DINGTALK_ROOT_ID", 1, validate=_at_least_one)
DINGTALK_CALLS_PER_SECOND = env.float("DINGTALK_CALLS_PER_SECOND", 12.0, validate=_positive)
DINGTALK_READ_SECONDS = env.float("DINGTALK_READ_SECONDS", 6.0, validate=_positive)
DINGTALK_WRITE_SECONDS = env.float("DINGTALK_WRITE_SECONDS", 10.0, validate=_positive)
SETTLE_SECONDS = env.float("SETTLE_SECONDS", 60.0, validate=_positive)
DELETE_TYPE_FROM = env.int("DELETE_TYPE_FROM", 10, validate=_at_least_one)
VISIBILITY_LIMIT = env.int("VISIBILITY_LIMIT", 50, validate=_at_least_one)
HISTORY_MONTHS = env.int("HISTORY_MONTHS", 24, validate=_at_least_one)

# The first administrator, made by `prepare` if there is no user yet.
FIRST_ADMIN_USERNAME = env.str("DJANGO_SUPERUSER_USERNAME", "")
FIRST_ADMIN_PASSWORD = env.str("DJANGO_SUPERUSER_PASSWORD", "")
FIRST_ADMIN_EMAIL = env.str("DJANGO_SUPERUSER_EMAIL", "")

try:
    env.seal()
except EnvValidationError as wrong:
    told: Any = wrong.error_messages
    lines = "\n".join(f"  {name}: {' '.join(why)}" for name, why in told.items())
    sys.exit(f"The environment is not right. Mend these and start again:\n{lines}")

# ── DingTalk ─────────────────────────────────────────────────────────────────────────────────────────────

# https://open.dingtalk.com/document/development/download-the-server-side-sdk and its international twin
_TLD = {"china": "com", "international": "io"}[DINGTALK_EDITION]
_oapi, _api = f"https://oapi.dingtalk.{_TLD}", f"https://api.dingtalk.{_TLD}"
DINGTALK_OAPI_URL = (_given_oapi_url or _oapi).rstrip("/")
DINGTALK_API_URL = (_given_api_url or _api).rstrip("/")
DINGTALK_IS_REAL = (_oapi, _api) == (DINGTALK_OAPI_URL, DINGTALK_API_URL)

# ── Where it is served ───────────────────────────────────────────────────────────────────────────────────

_public = urlsplit(PUBLIC_URL or f"http://127.0.0.1:{PORT}")
_over_https = _public.scheme == "https"
ALLOWED_HOSTS = [str(_public.hostname), "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

SECRET_KEY = _given_secret_key
if not SECRET_KEY:
    if DATABASE_URL.startswith("postgres"):
        sys.exit("SECRET_KEY: Needed with PostgreSQL, and the same in every container.")
    SECRET_KEY = kept_secret_key(VAR_DIR / "secret-key")

SECURE_SSL_REDIRECT = _over_https and TRUSTED_PROXY_COUNT > 0
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if _over_https else 0
# Preloading and subdomains are promises about hosts that are not ours to make.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if not _over_https:
    # Plain http is served on purpose (loopback, a trial): the set-up page warns about it.
    SILENCED_SYSTEM_CHECKS += [f"security.W0{n}" for n in ("04", "08", "12", "16")]
LANGUAGE_COOKIE_SECURE = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _over_https
_prefix = "__Host-" if _over_https else ""
SESSION_COOKIE_NAME = f"{_prefix}session"
CSRF_COOKIE_NAME = f"{_prefix}csrf"
LANGUAGE_COOKIE_SAMESITE = SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}

# ── Applications ─────────────────────────────────────────────────────────────────────────────────────────

INSTALLED_APPS = [
    "departments",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
    "csp",
    "django_htmx",
    "django_structlog",
    "huey.contrib.djhuey",
]

MIDDLEWARE = [
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "departments.middleware.PersonalWays",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "departments.middleware.PrivatePages",
    "departments.middleware.HtmxRedirects",
    "departments.middleware.SetUpFirst",
    "departments.middleware.Problems",
]

ROOT_URLCONF = "orgadmin.urls"
WSGI_APPLICATION = "orgadmin.wsgi.application"
APPEND_SLASH = True

_builtins = []
if django.VERSION < (6,):
    # Named partials came into Django's core with 6.0.
    INSTALLED_APPS.append("template_partials")
    _builtins.append("template_partials.templatetags.partials")

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": [
                *_builtins,
                "django.templatetags.i18n",
                "django.templatetags.static",
                "departments.templatetags.names",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "departments.context.frame",
            ],
        },
    }
]
FORM_RENDERER = "departments.forms.Renderer"

# ── Data ─────────────────────────────────────────────────────────────────────────────────────────────────

DATABASES: dict[str, dict[str, Any]] = {
    "default": dict(dj_database_url.parse(DATABASE_URL or f"sqlite:///{VAR_DIR / 'db.sqlite3'}"))
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A connection made anew for each request would cost a small one a fifth of its time.
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["OPTIONS"] = {
        # Deferred transactions lost 58–76 % of contended read-then-write work to "database is locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: a note must be on the disk before the call it announces leaves.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
# Never ATOMIC_REQUESTS: no transaction may be open while we wait for DingTalk.

CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": "orgadmin",
        # By redis-py's own 5 s a page that asks five times would wait for half a minute.
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
    if CACHE_URL
    else {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}
}

# ── Background work ──────────────────────────────────────────────────────────────────────────────────────

# An object: a dict would turn on huey's immediate mode wherever DEBUG is on.
HUEY = queue_at(QUEUE_URL, var_dir=VAR_DIR, secret=SECRET_KEY)

# ── People ───────────────────────────────────────────────────────────────────────────────────────────────

AUTHENTICATION_BACKENDS = ["departments.accounts.Accounts"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "departments:browse"
LOGOUT_REDIRECT_URL = "login"
_validation = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_validation}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_validation}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_validation}.CommonPasswordValidator"},
    {"NAME": f"{_validation}.NumericPasswordValidator"},
]
CSRF_FAILURE_VIEW = "departments.views.problem.csrf_failure"

# ── Language ─────────────────────────────────────────────────────────────────────────────────────────────

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
USE_THOUSAND_SEPARATOR = False
FORMAT_MODULE_PATH = ["orgadmin.formats"]

# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Collected (in the image): hashed names, compressed, cached for ever. Not collected: served as they are.
_collected = (STATIC_ROOT / "staticfiles.json").exists() or "collectstatic" in sys.argv
WHITENOISE_USE_FINDERS = not _collected
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
if not _collected:
    warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)
STORAGES = {
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _collected
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
}

# ── Logs ─────────────────────────────────────────────────────────────────────────────────────────────────

_shared_processors: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _is_no_probe(record: logging.LogRecord) -> bool:
    """Health probes come several times a minute and say nothing."""
    told = record.msg if isinstance(record.msg, dict) else {}
    return not str(told.get("request", "")).endswith(("/healthz", "/readyz"))


LOGGING = {
    "version": 1,
    "filters": {"no_probes": {"()": "django.utils.log.CallbackFilter", "callback": _is_no_probe}},
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _shared_processors,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact_event,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        }
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json",
            "filters": ["no_probes"],
        }
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # These log whole URLs, and DingTalk's token travels in the URL.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        # A line each minute to say that it is a minute later.
        "huey": {"level": "WARNING"},
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
structlog.configure(
    processors=[
        *_shared_processors,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
DJANGO_STRUCTLOG_USER_ID_FIELD = "username"
