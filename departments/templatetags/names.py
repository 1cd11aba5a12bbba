"""Names of departments inside a page of another language."""

from __future__ import annotations

import re

from django import template
from django.utils.translation import get_language

register = template.Library()

_HAN = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U0003ffff]")


@register.filter
def in_han(name: object) -> bool:
    """Whether a voice that reads this page would need to be told that this is Chinese."""
    return not (get_language() or "").startswith("zh") and bool(_HAN.search(str(name)))
