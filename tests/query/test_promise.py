"""A result that one thread waits for and another one has."""

import threading

import pytest

from query.promise import Promise


def test_who_waits_gets_what_another_thread_has() -> None:
    promise: Promise[int] = Promise()
    thread = threading.Timer(0.01, promise.keep, [7])
    thread.start()
    assert promise.result() == promise.result(0) == 7
    assert promise.is_told()
    thread.join()


def test_none_is_a_value_too() -> None:
    promise: Promise[None] = Promise()
    promise.keep(None)
    assert promise.result(0) is None


def test_an_error_is_raised_where_one_waits() -> None:
    promise: Promise[int] = Promise()
    promise.fail(ZeroDivisionError("a bug"))
    assert promise.is_told()
    with pytest.raises(ZeroDivisionError, match="a bug"):
        promise.result()


def test_patience_ends() -> None:
    promise: Promise[int] = Promise()
    assert not promise.is_told()
    with pytest.raises(TimeoutError):
        promise.result(0.001)
