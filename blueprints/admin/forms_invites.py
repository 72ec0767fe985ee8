"""The form that makes an invite."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import EmailField, IntegerField, SelectField
from wtforms.validators import InputRequired, NumberRange

from service.services import services

MOST_DAYS = 365


class InviteForm(FlaskForm):
    """For whom, on which plan, for how long."""

    email = EmailField(
        "E-mail address",
        description="The invite is for this address alone. Empty: for whoever has the link.",
        render_kw={"autocomplete": "off", "maxlength": 254},
    )
    plan = SelectField("Plan")
    days = IntegerField(
        "Days that it lasts",
        [
            InputRequired(f"Enter a number of days from 1 to {MOST_DAYS}."),
            NumberRange(1, MOST_DAYS, f"Enter a number of days from 1 to {MOST_DAYS}."),
        ],
        default=7,
        render_kw={"min": 1, "max": MOST_DAYS, "inputmode": "numeric"},
    )

    def offer_plans(self) -> None:
        """Offer the plans of the catalog, the first one chosen."""
        self.plan.choices = [(plan.slug, plan.name) for plan in services().catalog.plans]
