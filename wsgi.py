"""The WSGI entry point: ``gunicorn wsgi:app``."""

# Before anything else is imported: what was imported first would keep the blocking sockets and locks.
from service.process.loading import patch_all, rarely_collected

patch_all()

with rarely_collected():
    from app import create_app

    app = create_app()
