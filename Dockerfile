# Smart Route in a container: `docker build -t smart-route .`; compose.yaml runs it beside a MariaDB.
# What has to be kept is in /data (SQLite database and secret key); the rest may be read-only, with a tmpfs on /tmp.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /app
COPY . .
# The same set-up as everywhere; the virtual environment stays where it was made.
RUN tools/setup run && .venv/bin/python -m compileall -q -x '/\.venv/' . && ln -s /data instance

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /data smartroute \
    && install -d -o smartroute -g smartroute -m 700 /data
COPY --from=build /app /app
WORKDIR /app
USER smartroute
ENV PATH=/app/.venv/bin:$PATH HOST=0.0.0.0 PORT=8000 DATABASE_URL=sqlite:////data/smartroute.db \
    SMARTROUTE_COMMAND=flask
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]
CMD ["gunicorn", "wsgi:app"]
