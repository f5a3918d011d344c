"""What a field's name says: its words, and for what such names commonly stand."""

import re

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


TIME_ITSELF = _set(
    "eventtime eventtimestamp eventts eventat eventdate timestamp ts time datetime occurredat happenedat at"
)
"""Whole names, without what separates their words, that an event time has as a rule."""
TIME_ENDS = _set("at time timestamp ts date datetime on when utc epoch")
HANDLED = _set(
    "ingested ingest ingestion received processed processing updated modified loaded synced inserted published sent "
    "exported stored indexed"
)
"""When something was done with the record, after the event itself."""
ELSEWHERE = _set(
    "expires expiry expiration expire until birth birthday born dob due end ends valid scheduled deadline next last "
    "previous prev first registered signup joined start member"
)
"""Times of something else than the event."""

IDS = _set("id ids uuid guid key hash ref token number no nr code")
MONEY = _set(
    "price amount cost costs revenue total subtotal fee fees tax vat tip spend balance paid charge discount salary "
    "budget bid turnover payment refund value"
)
MINOR_UNIT = _set("cent cents minor micros micro pence")
MEASURES = _set(
    "lat lon lng latitude longitude temperature temp humidity pressure score ratio rate percent pct probability speed "
    "voltage current power weight height width depth distance angle confidence load usage level"
)
COUNTED = _set(
    "count counts quantity qty items bytes size length duration latency elapsed ms millis seconds views clicks units "
    "points impressions visits age retries attempts pages lines offset sequence seq"
)
SUMMED = _set(
    "count counts quantity qty items amount bytes size duration latency elapsed ms millis seconds views clicks units "
    "points impressions visits total cents micros retries attempts"
)
CLOSED = _set(
    "type kind status state action category severity direction mode side channel brand level event "
    "result outcome phase stage tier plan gender"
)
"""Names of fields that commonly hold one of a few values which the program knows."""
OPEN = _set(
    "country city region state name title host hostname browser version currency language locale url path page agent "
    "email address ip message text description comment label tag street zip method op operation logger"
)
"""Names of fields whose values come from the world: a sample never holds them all."""
GROUPED = _set(
    "type kind status action method category severity channel brand country region campaign product device platform "
    "service host shop store page path level merchant store tenant currency event sensor machine site"
)
PEOPLE = _set("user customer client visitor session device account card member buyer subscriber player")


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case: `userId`, `user_id` and `user-id` are user and id."""
    return [word.lower() for word in _WORD.findall(name)]


def is_id(name: str) -> bool:
    """Whether it names something that identifies."""
    words = words_of(name)
    return bool(words) and words[-1] in IDS


def has(name: str, known: frozenset[str]) -> bool:
    """Whether one of its words is among these."""
    return not known.isdisjoint(words_of(name))
