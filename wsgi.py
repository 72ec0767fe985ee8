"""The WSGI entry point: ``gunicorn wsgi:app``."""

# Before anything else is imported: what was imported first would keep the blocking sockets and locks.
from gevent import monkey

monkey.patch_all()

from app import create_app

app = create_app()
