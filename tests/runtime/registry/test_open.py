"""Settings to a registry's schemas, only where the format needs them."""

from dataclasses import replace
from pathlib import Path

import pytest

from dataflow import avro
from dataflow.errors import ConfigError
from dataflow.pipeline.plan import make_plan
from runtime.registry.open import registry_properties, registry_url, with_schemas
from runtime.settings import Settings, load_settings
from tests.avro_events import PIPELINE


def settings_of(tmp_path: Path, **properties: str) -> Settings:
    named = {"schema.registry." + name.replace("_", "."): value for name, value in properties.items()}
    return load_settings({"kafka": {"client.id": "x", **named}}, {"SECRET": "me:pass"}, tmp_path)


def test_a_format_that_needs_no_registry_gets_none(tmp_path: Path) -> None:
    plan = make_plan(PIPELINE, tmp_path)
    assert with_schemas(settings_of(tmp_path), plan) is plan


def test_framed_avro_gets_the_registry_of_the_settings_and_without_one_a_message(tmp_path: Path) -> None:
    plan = make_plan(replace(PIPELINE, format=avro()), tmp_path)
    assert with_schemas(settings_of(tmp_path, url="http://a:1"), plan).schemas is not None
    with pytest.raises(ConfigError, match=r'set "schema.registry.url" in \[kafka\], or name the one schema'):
        with_schemas(settings_of(tmp_path), plan)


def test_kafkas_client_gets_none_of_the_registrys_properties_and_secrets_come_by_reference(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, url="http://a:1", basic_auth_user_info="${SECRET}")
    assert settings.require_kafka() == {"client.id": "x"}
    assert registry_properties(settings)["schema.registry.basic.auth.user.info"] == "me:pass"
    with pytest.raises(ConfigError, match="the registry has no such property"):
        registry_properties(settings_of(tmp_path, url="http://a:1", uri="http://b:1"))


def test_the_address_of_the_registry_is_told_where_records_need_one(tmp_path: Path) -> None:
    plan = make_plan(replace(PIPELINE, format=avro()), tmp_path)
    assert registry_url(settings_of(tmp_path, url="http://a:1/"), plan) == "http://a:1"
    assert registry_url(settings_of(tmp_path), make_plan(PIPELINE, tmp_path)) is None
    with pytest.raises(ConfigError, match="write http://HOST:PORT"):
        registry_url(settings_of(tmp_path, url="a:1"), plan)
