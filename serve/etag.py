"""What a client says it has: the tags of If-None-Match."""

import re
from collections.abc import Iterable

_TAG = re.compile(r'(?:W/)?"([^"]{0,100})"|(\*)')
_MOST = 50


def known_tags(headers: Iterable[str]) -> tuple[str, ...]:
    """The tags without their quotes, `*` for any. A weak one is as good as a strong one here, as RFC 9110 has it."""
    found = [match[1] or match[2] or "" for header in headers for match in _TAG.finditer(header[:8_192])]
    return tuple(found[:_MOST])
