"""A page with a form: 422 when what was sent in it cannot be used."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm


def form_page(template: str, form: FlaskForm, **shown: object) -> ResponseReturnValue:
    """Show a form, with its faults beside its fields."""
    return render_template(template, form=form, **shown), 422 if form.errors else 200
