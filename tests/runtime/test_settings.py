"""Settings: which place wins, and what is said about wrong ones."""

import re
from pathlib import Path

import pytest

from dataflow.errors import ConfigError
from runtime.origins import origins
from runtime.settings import SETTINGS, Settings, load_settings

REPOSITORY = Path(__file__).parents[2]
SHIPPED = str(REPOSITORY / "pipelines" / "ads.py")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tidemill.toml").write_text('topic = "file"\nworkers = 2\nepoch_ms = 100\nlake = "a lake"\n')
    return tmp_path


def test_a_flag_comes_before_the_environment_before_the_file_before_the_default(folder):
    environ = {"TIDEMILL_TOPIC": "environment", "TIDEMILL_WORKERS": "3"}
    settings = load_settings({"topic": "flag", "workers": None}, environ, folder)
    assert (settings.topic, settings.workers, settings.epoch_ms, settings.batch_records) == ("flag", 3, 100, 40_000)
    came_from = {key: origin for key, _, origin in origins(settings)}
    assert came_from["topic"] == "--topic"
    assert came_from["workers"] == "TIDEMILL_WORKERS"
    assert came_from["epoch_ms"] == "tidemill.toml"
    assert came_from["batch_records"] == "default"
    assert settings.lake == Path("a lake")


def test_without_any_place_there_are_defaults(tmp_path):
    assert load_settings({}, {}, tmp_path) == Settings(pipeline=SHIPPED)


def test_an_empty_variable_is_not_given(tmp_path):
    assert load_settings({}, {"TIDEMILL_TOPIC": "", "HOME": "x"}, tmp_path).topic == "ads"


@pytest.mark.parametrize(
    "table",
    [
        '[kafka]\n"security.protocol" = "SSL"\n"socket.keepalive.enable" = true\n',
        '[kafka]\nsecurity.protocol = "SSL"\nsocket.keepalive.enable = true\n',
        '[kafka.security]\nprotocol = "SSL"\n[kafka.socket.keepalive]\nenable = true\n',
    ],
)
def test_kafka_properties_pass_through_by_their_own_names(tmp_path, table):
    (tmp_path / "tidemill.toml").write_text(table)
    assert load_settings({}, {}, tmp_path).kafka == {"security.protocol": "SSL", "socket.keepalive.enable": "true"}


def test_kafka_properties_of_all_places_are_put_together(tmp_path):
    (tmp_path / "tidemill.toml").write_text('[kafka]\n"security.protocol" = "SSL"\n"client.id" = "file"\n')
    environ = {"TIDEMILL_KAFKA__CLIENT_ID": "environment", "TIDEMILL_KAFKA__SASL_USERNAME": "me"}
    settings = load_settings({"kafka": {"sasl.username": "you"}}, environ, tmp_path)
    assert settings.kafka == {"security.protocol": "SSL", "client.id": "environment", "sasl.username": "you"}
    rows = {key: (value, origin) for key, value, origin in origins(settings)}
    assert rows["kafka.security.protocol"] == ("SSL", "tidemill.toml")
    assert rows["kafka.client.id"] == ("environment", "TIDEMILL_KAFKA__CLIENT_ID")
    assert rows["kafka.sasl.username"] == ("you", "--kafka")


def test_kafka_properties_refer_to_secrets_which_only_a_client_is_given(tmp_path):
    (tmp_path / "hush").write_text("from-file\n")
    (tmp_path / "tidemill.toml").write_text(f'[kafka]\n"ssl.key.password" = "${{file:{tmp_path}/hush}}"\n')
    environ = {"TIDEMILL_KAFKA__SASL_PASSWORD": "${HUSH}", "HUSH": "from-variable", "OTHER": "x"}
    settings = load_settings({}, environ, tmp_path)
    assert settings.require_kafka() == {"ssl.key.password": "from-file", "sasl.password": "from-variable"}
    assert settings.referred == {"HUSH": "from-variable"}
    told = str(origins(settings)) + repr(settings)
    assert "from-" not in told
    assert ("kafka.sasl.password", "${HUSH}", "TIDEMILL_KAFKA__SASL_PASSWORD") in origins(settings)


def test_a_secret_that_is_not_there_is_told_when_a_client_needs_it(tmp_path):
    settings = load_settings({"kafka": {"sasl.password": "${HUSH}"}}, {}, tmp_path)
    with pytest.raises(ConfigError, match=r"kafka\.sasl\.password = '\$\{HUSH\}': .*no variable HUSH.*from --kafka"):
        settings.require_kafka()


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"TIDEMILL_SASL_PASSWORD": "pss"}, ""),
        ({"TIDEMILL_SSL_KEY_PEM": "pss"}, ""),
        ({"TIDEMILL_KAFKA": "sasl.password=pss"}, ""),
        ({}, '[sasl]\npassword = "pss"\n'),
        ({}, 'kafka = "sasl.password=pss"\n'),
        ({}, '[kafka]\n"sasl.password" = ["pss"]\n'),
        ({"TIDEMILL_KAFKA__LOGGER": "x", "TIDEMILL_KAFKA__SASL_PASSWORD": "pss"}, ""),
    ],
)
def test_a_misplaced_secret_is_not_repeated(tmp_path, environ, text):
    (tmp_path / "tidemill.toml").write_text(text)
    with pytest.raises(ConfigError) as told:
        load_settings({}, environ, tmp_path)
    assert "pss" not in str(told.value)


@pytest.mark.parametrize(
    ("environ", "parts"),
    [
        ({"TIDEMILL_EPOCHMS": "1"}, ["TIDEMILL_EPOCHMS = '1'", "no such setting", "did you mean TIDEMILL_EPOCH_MS?"]),
        ({"TIDEMILL_EPOCH_MS": "soon"}, ["epoch_ms = 'soon'", "integer", "TIDEMILL_EPOCH_MS", "milliseconds between"]),
        ({"TIDEMILL_WORKERS": "0"}, ["workers = '0'", "greater than or equal to 1"]),
        ({"TIDEMILL_SOURCE": "kafak"}, ["source = 'kafak'", "'kafka', 'files' or 'generator'"]),
        ({"TIDEMILL_BOUNDED": "maybe"}, ["bounded = 'maybe'", "boolean"]),
        ({"TIDEMILL_METRICS_PORT": "99999"}, ["metrics_port = '99999'", "65535"]),
        ({"TIDEMILL_KAFKA": "security.protocol=SSL"}, ["TIDEMILL_KAFKA", "TIDEMILL_KAFKA__SECURITY_PROTOCOL=SSL"]),
        ({"TIDEMILL_KAFKA__GROUP_ID": "x"}, ["kafka.group.id = 'x'", "set `group` instead"]),
        ({"TIDEMILL_KAFKA__ENABLE_AUTO_COMMIT": "true"}, ["kafka.enable.auto.commit", "leave it out"]),
        ({"TIDEMILL_LAKE__FOLDER": "x"}, ["TIDEMILL_LAKE__FOLDER = 'x'", "no such setting"]),
        ({"TIDEMILL_FAIL_DEAD": "0.1"}, ["fail_dead = '0.1'", "a percentage", "like 10%", "TIDEMILL_FAIL_DEAD"]),
        ({"TIDEMILL_FAULT": "Not A Point"}, ["fault = 'Not A Point'", "kill -9"]),
    ],
)
def test_a_wrong_variable_is_said_with_key_value_and_fix(tmp_path, environ, parts):
    with pytest.raises(ConfigError) as caught:
        load_settings({}, environ, tmp_path)
    assert caught.value.exit_code == 2
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('brokrs = "x"\n', ["brokrs = 'x'", "no such setting", "did you mean brokers?"]),
        ('epoch_ms = "x"\n', ["epoch_ms = 'x'", "from tidemill.toml"]),
        ("epoch_ms = \n", ["tidemill.toml", "not valid TOML", "line 1"]),
        ('kafka = "x"\n', ["kafka = 'x'", "write a table"]),
        ('[kafka]\n"a.b" = [1]\n', ["kafka.a.b = [1]", "a property is text"]),
        ("fail_dead = 0.1\n", ["fail_dead = 0.1", "text, in quotes", "like 10%"]),
        ("workers = 1.5\n", ["workers = 1.5", "integer"]),
    ],
)
def test_a_wrong_line_of_the_file_is_said(tmp_path, text, parts):
    (tmp_path / "tidemill.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings({}, {}, tmp_path)
    for part in parts:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "text", "place"),
    [({"TIDEMILL_FINAL": "yes"}, "", "TIDEMILL_FINAL"), ({}, "final = true\n", "tidemill.toml")],
)
def test_final_without_bounded_is_said_by_what_runs_and_by_nothing_else(tmp_path, environ, text, place):
    (tmp_path / "tidemill.toml").write_text(text)
    settings = load_settings({}, environ, tmp_path)
    with pytest.raises(ConfigError, match=rf"^final = True: .*add --bounded .*\(from {place}\)$") as caught:
        settings.require_end_of_final()
    assert caught.value.exit_code == 2
    load_settings({"bounded": True}, environ, tmp_path).require_end_of_final()
    Settings().require_end_of_final()


def test_source_files_needs_a_folder(tmp_path):
    with pytest.raises(ConfigError, match="source files needs a folder; give --input DIR"):
        load_settings({"source": "files"}, {}, tmp_path).require_input()
    assert load_settings({"input": "x"}, {}, tmp_path).require_input() == Path("x")


def test_a_folder_that_is_named_is_read_unless_kafka_is_named_as_near(folder):
    settings = load_settings({"input": "x"}, {}, folder)
    assert settings.source == "files"
    assert ("source", "files", "input is given (--input)") in origins(settings)
    assert load_settings({}, {"TIDEMILL_INPUT": "x"}, folder).source == "files"
    assert load_settings({"topic": "t"}, {"TIDEMILL_INPUT": "x"}, folder).source == "kafka"
    assert load_settings({"input": "x", "brokers": "b:1"}, {}, folder).source == "kafka"
    assert load_settings({"input": "x", "source": "kafka"}, {}, folder).source == "kafka"
    assert load_settings({"input": "x"}, {"TIDEMILL_SOURCE": "generator"}, folder).source == "generator"
    assert load_settings({}, {}, folder).source == "kafka"


def test_every_setting_has_a_description_and_stands_in_the_shipped_file():
    text = (REPOSITORY / "tidemill.toml").read_text()
    for key, field in SETTINGS.items():
        assert field.description
        if key not in ("kafka", "fault"):
            assert f"# {key} = " in text, key


def test_the_shipped_file_changes_no_default(tmp_path):
    assert load_settings({}, {}, REPOSITORY) == Settings()


def test_the_lines_of_the_shipped_file_say_the_defaults(tmp_path):
    lines = re.findall(r"^# (([a-z_]+) = .+)$", (REPOSITORY / "tidemill.toml").read_text(), re.MULTILINE)
    (tmp_path / "tidemill.toml").write_text("\n".join(line for line, key in lines if key in SETTINGS))
    settings = load_settings({}, {}, tmp_path)
    for key in SETTINGS:
        if getattr(Settings(), key) is not None:  # without a default, the file shows an example
            assert getattr(settings, key) == getattr(Settings(), key), key


def test_the_shipped_pipeline_is_that_of_a_folder_without_one(tmp_path):
    found = load_settings({}, {}, tmp_path)
    assert found.pipeline == SHIPPED
    assert ("pipeline", SHIPPED, "shipped with Tidemill") in origins(found)
    assert load_settings({}, {"TIDEMILL_PIPELINE": "pipelines/ads.py"}, tmp_path).pipeline == "pipelines/ads.py"
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "ads.py").touch()
    assert load_settings({}, {}, tmp_path).pipeline == "pipelines/ads.py"


@pytest.mark.parametrize(
    ("text", "topic"),
    [("", "ads"), ("# topic = 'x'\n\n# more", "ads"), ("# a\n topic = 'x'", "x"), ("# a\r\ntopic = 'x'\r\n", "x")],
)
def test_a_file_of_comments_alone_sets_nothing(tmp_path, text, topic):
    (tmp_path / "tidemill.toml").write_text(text, newline="")
    assert load_settings({}, {}, tmp_path).topic == topic


def test_a_comment_that_toml_refuses_is_refused_in_a_file_of_comments_too(tmp_path):
    (tmp_path / "tidemill.toml").write_text("# a\x01b\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_settings({}, {}, tmp_path)


def test_settings_are_equal_or_not_wherever_each_came_from():
    here, there = Settings(places={"topic": "the environment"}), Settings()
    assert (here == there, here != there) == (True, False)
    assert (here._replace(topic="x") == there, here._replace(topic="x") != there) == (False, True)
