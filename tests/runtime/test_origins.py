"""Each setting is shown with where its value is from, and no secret is."""

from runtime.origins import origins
from runtime.settings import SETTINGS, load_settings


def test_every_setting_is_shown_in_its_order_with_its_place(tmp_path):
    (tmp_path / "tidemill.toml").write_text('topic = "clicks"\n')
    rows = origins(load_settings({"workers": 2}, {"TIDEMILL_EPOCH_MS": "100"}, tmp_path))
    shown = {key: (value, origin) for key, value, origin in rows}
    assert [key for key, *_ in rows] == list(SETTINGS)
    assert shown["topic"] == ("clicks", "tidemill.toml")
    assert shown["workers"] == ("2", "--workers")
    assert shown["epoch_ms"] == ("100", "TIDEMILL_EPOCH_MS")
    assert shown["bounded"] == ("false", "default")


def test_secrets_are_never_shown(tmp_path):
    secret = {
        "sasl.password": "pss",
        "ssl.key.password": "pss",
        "sasl.oauthbearer.client.secret": "pss",
        "ssl.key.pem": "pss",
    }
    settings = load_settings({"kafka": secret}, {}, tmp_path)
    assert settings.kafka == secret
    assert "pss" not in str(origins(settings))
    assert "pss" not in repr(settings)
    assert [value for key, value, _ in origins(settings) if key.startswith("kafka.")] == ["****"] * 4
