"""Properties as a user writes them: owned ones are refused, secrets are hidden, references are replaced."""

from pathlib import Path

import pytest

from dataflow.errors import ConfigError
from dataflow.sources.kafka.properties import (
    OWNED,
    check_owned,
    is_reference,
    is_secret,
    resolved,
    shown,
    variables,
    without_secrets,
)
from dataflow.sources.kafka.property_names import property_names


@pytest.mark.parametrize("name", OWNED)
def test_an_owned_property_is_refused_with_what_to_do_instead_and_where_it_stands(name: str) -> None:
    with pytest.raises(ConfigError) as told:
        check_owned(name, "x", "tidemill.toml")
    assert str(told.value) == f"kafka.{name} = 'x': {OWNED[name]} (from tidemill.toml)"


def test_a_property_that_takes_a_function_is_refused() -> None:
    for name in ("oauth_cb", "error_cb", "on_commit", "key.deserializer", "default.topic.config"):
        with pytest.raises(ConfigError, match="takes a function"):
            check_owned(name, "x")
    check_owned("client.id", "x")


SECRET = {
    *("sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem", "sasl.oauthbearer.config"),
    *("sasl.oauthbearer.client.secret", "sasl.oauthbearer.client.credentials.client.secret"),
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
}


def test_the_secrets_among_all_properties_of_the_library_are_known() -> None:
    assert {name for name in property_names() if is_secret(name)} == SECRET


def test_a_secret_is_shown_as_stars_and_a_reference_as_it_is_written() -> None:
    assert shown("sasl.password", "hush") == "****"
    assert shown("sasl.password", "${PASSWORD}") == "${PASSWORD}"
    assert shown("sasl.password", "hush${PASSWORD}") == "****"
    assert shown("sasl.password", "$${PASSWORD}") == "****"
    assert shown("sasl.username", "me") == "me"
    assert not is_reference("${A}${B}")


def test_references_are_replaced_by_variables_and_by_the_text_of_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hu sh\n")
    written = {
        "sasl.password": f"${{file:{tmp_path}/password}}",
        "sasl.username": "${USER_NAME}@${REALM}",
        "client.id": "$${USER_NAME} costs $5",
    }
    assert variables(written) == {"USER_NAME", "REALM"}
    assert resolved(written, {"USER_NAME": "me", "REALM": "x"}) == {
        "sasl.password": "hu sh",
        "sasl.username": "me@x",
        "client.id": "${USER_NAME} costs $5",
    }


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("${NOWHERE}", ["kafka.sasl.password = '${NOWHERE}'", "no variable NOWHERE", "set it", "(from tidemill.toml)"]),
        ("${file:/no/where}", ["'${file:/no/where}'", "/no/where cannot be read: No such file", "correct the path"]),
        ("${a b}", ["'${a b}'", "${NAME} for a variable", "$${ for a plain ${"]),
    ],
)
def test_what_cannot_be_found_is_told_with_key_reference_and_fix(value: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as told:
        resolved({"sasl.password": f"hush{value}"}, {}, {"kafka.sasl.password": "tidemill.toml"})
    for part in parts:
        assert part in str(told.value)
    assert "hush" not in str(told.value)


def test_secrets_are_taken_out_of_a_text() -> None:
    given = {"sasl.password": "hush", "sasl.username": "me", "ssl.key.password": "ab"}
    assert without_secrets("me said hush about", given) == "me said **** about"


def test_the_registrys_user_and_password_are_a_secret_and_its_address_is_none() -> None:
    assert is_secret("schema.registry.basic.auth.user.info")
    assert is_secret("schema.registry.ssl.key.password")
    assert not is_secret("schema.registry.url")
