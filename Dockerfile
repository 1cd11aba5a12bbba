# The product in one image: web by default, `python manage.py …` for anything else.
# Both stages stand on the same base, so the environment made in the first runs in the second.

FROM python:3.13-slim-trixie AS build
WORKDIR /app

# The locked wheels only: no compiler, nobody's build code. Bytecode is made once, below.
COPY requirements.txt ./
RUN python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install \
        --no-cache-dir --no-compile --disable-pip-version-check --root-user-action ignore \
        --require-hashes --only-binary :all: -r requirements.txt \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /venv/lib

COPY . .
# The key and the folder are for this one command; neither is kept.
RUN SECRET_KEY=collecting VAR_DIR=/tmp/collecting PYTHONDONTWRITEBYTECODE=1 \
        /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash departments orgadmin sandbox \
 && mkdir /data


FROM python:3.13-slim-trixie
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORT=8000 \
    VAR_DIR=/var/lib/orgadmin \
    TMPDIR=/var/lib/orgadmin
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY --from=build --chown=10001:10001 /data /var/lib/orgadmin

# Only the volume is written (SQLite's passing files too, by TMPDIR), so the root may be read-only.
VOLUME /var/lib/orgadmin
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
CMD ["/app/scripts/serve"]
