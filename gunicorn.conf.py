"""One process of threads: requests wait on DingTalk, and the small installation shares everything in memory.

Deadlines are the product's own (6 s for a read, 10 s for a write); gunicorn's only guard against a hang.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orgadmin.settings")

from django.conf import settings

bind = f"127.0.0.1:{settings.PORT}"
workers = 1
worker_class = "gthread"
threads = 16
timeout = 60
graceful_timeout = 30
keepalive = 15
control_socket_disable = True
accesslog = None
errorlog = "-"
loglevel = "warning"
