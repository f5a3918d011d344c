"""The table of panel kinds: which keys each takes. A new kind is one entry here, and its drawing in the page."""

from collections.abc import Mapping
from typing import NamedTuple

from serve.boards.values import (
    DURATION,
    NAMES,
    PARAMETERS,
    SPAN,
    TEXT,
    TEXTS_BY_NAME,
    Form,
    one_of,
    some_of,
    whole,
)

FIGURES = (
    *("events_per_s", "freshness_ms", "lag", "late", "dead", "last_commit_at"),
    *("records", "accepted", "duplicate", "lost_offsets", "watermark"),
)
"""What a panel of figures can show, by the names that `/api/v1/status` has."""

SHARED: Mapping[str, Form] = {
    "title": TEXT,
    "help": TEXT,
    "section": TEXT,
    "width": whole(1, 12),
}
"""Keys that every panel takes."""


class PanelKind(NamedTuple):
    """One kind: its default title, the keys it must have, those it may have, and its default width of 12 columns."""

    title: str
    needs: Mapping[str, Form]
    takes: Mapping[str, Form]
    width: int

    @property
    def keys(self) -> dict[str, Form]:
        """All keys beside `kind`."""
        return {**self.needs, **self.takes, **SHARED}


_UNITS: Mapping[str, Form] = {"units": TEXTS_BY_NAME}

KINDS: Mapping[str, PanelKind] = {
    "figures": PanelKind("Now", {}, {"show": some_of(FIGURES)}, 12),
    "chart": PanelKind(
        "",
        {"rollup": TEXT, "show": NAMES},
        {"every": DURATION, "last": SPAN, "compare": DURATION, "draw": one_of("bars", "line"), **_UNITS},
        6,
    ),
    "top": PanelKind(
        "",
        {"rollup": TEXT, "key": TEXT, "show": NAMES},
        {"last": SPAN, "top": whole(1, 100), **_UNITS},
        6,
    ),
    "windows": PanelKind(
        "",
        {"rollup": TEXT},
        {"show": NAMES, "last": SPAN, "top": whole(1, 100), **_UNITS},
        6,
    ),
    "report": PanelKind(
        "",
        {"report": TEXT},
        {"parameters": PARAMETERS, **_UNITS},
        6,
    ),
    "late": PanelKind("Late and corrected windows", {}, {"top": whole(1, 100)}, 6),
    "dead_letters": PanelKind("Dead letters by reason", {}, {}, 6),
    "alerts": PanelKind("Alerts", {}, {}, 12),
    "partitions": PanelKind("Source partitions", {}, {}, 12),
}
"""Every kind by its name."""
