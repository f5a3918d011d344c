"""Values stand behind the number that a registry gives their schema; without one nothing goes out."""

import pytest

from dataflow.errors import RegistryUnreachable, SchemaRefused
from dataflow.formats.frame import SchemaKey, key_of
from dataflow.formats.schemas import RegisteredSchema
from emit.record import Record
from emit.registered import Body, Make, RegisteredForm
from emit.trouble import DeliveryTrouble

SCHEMA = RegisteredSchema("AVRO", '"string"')


class Registry:
    """Gives one number, or raises what it is told to."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, RegisteredSchema]] = []
        self.newest: RegisteredSchema | None = None

    def latest(self, subject: str) -> RegisteredSchema | None:
        assert subject == "t-value"
        return self.newest

    def register(self, subject: str, schema: RegisteredSchema) -> int:
        self.asked.append((subject, schema))
        self.newest = schema
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def always(body: Body) -> Make:
    return lambda _newest: (SCHEMA, body)


def test_a_value_is_framed_as_our_own_sources_read_it_and_no_value_is_none() -> None:
    registry = Registry(70_000)
    form = RegisteredForm(registry, "t-value", always(lambda values: repr(values).encode()))
    form.open()
    assert registry.asked == [("t-value", SCHEMA)]
    written = form.written(Record("{}", None, 1, values=(1, "a")))
    assert written == b"\x00\x00\x01\x11\x70(1, 'a')"
    assert key_of(written) == (SchemaKey("id", 70_000), 5)
    assert form.written(Record("{}", None, 1)) is None


@pytest.mark.parametrize("trouble", [RegistryUnreachable("away"), SchemaRefused("does not fit")])
def test_a_registry_that_is_away_or_refuses_is_asked_again_at_the_next_opening(trouble: Exception) -> None:
    form = RegisteredForm(Registry(trouble, 7), "t-value", always(lambda _: b"x"))
    with pytest.raises(DeliveryTrouble, match=str(trouble)):
        form.open()
    form.open()
    assert form.written(Record("{}", None, 1, values=(1,))) == b"\0\0\0\0\7x"


def test_a_schema_is_made_to_follow_the_newest_one() -> None:
    seen: list[RegisteredSchema | None] = []

    def make(newest: RegisteredSchema | None) -> tuple[RegisteredSchema, Body]:
        seen.append(newest)
        return SCHEMA, lambda _: b"x"

    form = RegisteredForm(Registry(1, 1), "t-value", make)
    form.open()
    form.open()
    assert seen == [None, SCHEMA]
