"""What a server is told."""

from serve.served import Served


def test_a_token_is_not_shown() -> None:
    assert "hush" not in repr(Served(token="hush-hush-hush-hush"))
    assert "****" in f"{Served(token='hush-hush-hush-hush')}"
