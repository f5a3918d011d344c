"""The compiled pass over librdkafka's messages: where its code is kept."""

from collections.abc import Callable
from typing import Any

import pytest

from dataflow.sources.kafka import drain_kernel


def test_where_no_cache_can_be_written_the_kernel_is_compiled_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def refuse(_signature: Any, **options: Any) -> Callable[[Any], str]:
        asked.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function")
        return lambda _function: "in memory"

    monkeypatch.setattr(drain_kernel, "njit", refuse)
    made: object = drain_kernel.compiled({})
    assert made == "in memory"
    assert [options.get("cache") for options in asked] == [True, None]
