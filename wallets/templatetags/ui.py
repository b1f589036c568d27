"""Template tags and filters for money, users, dates and form fields."""

import datetime
import json
import zlib
from typing import Any

from babel.numbers import get_currency_name, get_currency_symbol
from django import template
from django.conf import settings
from django.forms import BoundField
from django.template import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from wallets.auth.passkeys.site import passkey_site
from wallets.auth.sessions.middleware import session_of
from wallets.domain.money import amount_format
from wallets.domain.text import direction_controls_remove, wait_words
from wallets.sessions.services import browser_session_list

register = template.Library()

#: The number of hues that avatars have (static/css/lists.css).
HUES = 6
MINUS = "\N{MINUS SIGN}"


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """An icon beside a text. Screen readers skip it."""
    classes = f"icon {css}".strip()
    return format_html(
        '<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        classes,
        static("img/icons.svg"),
        name,
    )


@register.filter
def as_json(value: object) -> str:
    """A value for a data attribute, which a script reads."""
    return json.dumps(value)


@register.simple_tag(takes_context=True)
def passkeys_here(context: Context) -> str:
    """Whether passkeys work on this page: "yes"; the address of the site where they do; or nothing if nowhere."""
    site = passkey_site()
    if site is None:
        return ""
    return "yes" if site.is_at(context["request"]) else site.origin


@register.simple_tag(takes_context=True)
def logged_in_elsewhere(context: Context) -> int:
    """On how many other devices the user is logged in."""
    request = context["request"]
    return browser_session_list(owner=request.user).exclude(key_hash=session_of(request).key_hash).count()


@register.simple_tag
def is_demo_money() -> bool:
    """Whether anyone can make money here out of thin air, so that pages say that it is worth nothing."""
    funding: str = settings.FUNDING
    return funding == "demo"


@register.filter
def money(amount: int, currency: str) -> str:
    """123450 as "$1,234.50"."""
    return amount_format(amount, currency=currency).replace("-", MINUS)


@register.filter
def money_signed(amount: int, currency: str) -> str:
    """2000 as "+$20.00". The sign shows the direction to users who do not see colours."""
    sign = MINUS if amount < 0 else "+"
    return sign + amount_format(abs(amount), currency=currency)


@register.simple_tag
def balance(amount: int, currency: str) -> SafeString:
    """A balance in large type, with smaller decimals. A long one gets a class that makes it fit a phone."""
    text = money(amount, currency)
    whole, point, change = text.partition(".")
    length = "long" if len(text) > 12 else "short"
    length = "longest" if len(text) > 16 else length
    return format_html(
        '<span class="balance balance-{}">{}<span class="balance-change">{}{}</span></span>',
        length,
        whole,
        point,
        change,
    )


@register.filter
def isolated(text: str) -> SafeString:
    """Text that a user chose, for use between other texts. Whatever its direction, it reorders nothing around it."""
    # Not format_html, which takes three times as long: a page has dozens of these.
    return SafeString(f"<bdi>{escape(direction_controls_remove(str(text)))}</bdi>")


@register.filter
def hue(name: str) -> int:
    """One of the avatars' hues. The same name always gets the same hue."""
    return zlib.crc32(name.encode()) % HUES


@register.filter
def day(value: datetime.date) -> str:
    """ "Today", "Yesterday", "Friday, November 21", or with the year if it is another year."""
    today = timezone.localdate()
    if value == today:
        return "Today"
    if value == today - datetime.timedelta(days=1):
        return "Yesterday"
    return date_format(value, "l, F j" if value.year == today.year else "F j, Y")


@register.filter
def moment(value: datetime.datetime) -> str:
    """ "November 21, 2025 at 14:02", followed by the time zone, for receipts."""
    return date_format(timezone.localtime(value), "F j, Y \\a\\t H:i T")


@register.filter
def age(value: datetime.datetime) -> str:
    """ "just now", "5 minutes ago", "2 days ago"."""
    if timezone.now() - value < datetime.timedelta(minutes=1):
        return "just now"
    return f"{timesince(value, depth=1)} ago"


@register.filter
def last_use(value: datetime.datetime | None) -> str:
    """ "never used", "used in the last hour", "last used 3 hours ago": what is known to the hour."""
    if value is None:
        return "never used"
    if timezone.now() - value < datetime.timedelta(hours=1):
        return "used in the last hour"
    return f"last used {timesince(value, depth=1)} ago"


@register.filter
def wait(seconds: int) -> str:
    """ "20 seconds", "5 minutes"."""
    return wait_words(seconds)


@register.filter
def currency_sign(currency: str) -> str:
    """What precedes an amount: "$" for USD, or the code itself if the currency has no sign."""
    return get_currency_symbol(currency, locale="en_US")


@register.filter
def currency_name(currency: str) -> str:
    """ "US Dollar"."""
    return get_currency_name(currency, locale="en_US")


@register.simple_tag
def widget(bound: BoundField, **attrs: str) -> SafeString:
    """Only the input of a field, in the site's style, for templates that set the label themselves."""
    # allauth's placeholders repeat the label, and a screen reader would read both.
    css = "" if bound.widget_type in {"checkbox", "radioselect", "hidden"} else "input"
    given = {name.replace("_", "-"): value for name, value in attrs.items()}
    return bound.as_widget(attrs={"class": css or False, "placeholder": False, **given})


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, **attrs: str) -> dict[str, Any]:
    """One form field: label, input, hint, error. `attrs` go to the input."""
    return {"field": bound, "kind": bound.widget_type, "widget": widget(bound, **attrs)}
