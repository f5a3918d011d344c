"""`tidemill serve`: answers for people and programs while the lake is filled."""

from typing import TYPE_CHECKING

from cli.options import SERVE, SOURCE, Given, takes

if TYPE_CHECKING:
    from doctor.finding import Finding
    from runtime.settings import Settings
    from serve.served import Served


@takes(
    *SOURCE,
    "group",
    "lake",
    "recovery",
    *SERVE,
    "log_format",
    "log_level",
)
def serve(given: Given) -> None:
    """Answer over HTTP while the pipeline writes or not: reports, rollups, SQL, a change feed and a page.

    Prints its address once it listens, and ends with exit code 0 after ^C or SIGTERM.
    """
    import os
    import time
    from datetime import UTC, datetime

    from dataflow import logs
    from runtime.settings import load_settings
    from serve.app import make_app
    from serve.listen import bind, run_until_stopped

    # DuckDB takes its session time zone from the process
    os.environ["TZ"] = "UTC"
    time.tzset()
    _require_reference(given["serve_token"])
    settings = load_settings(given)
    logs.configure(settings.log_format, settings.log_level)
    wish = served(settings)
    listening = bind(wish)
    app = make_app(settings.lake, settings.pipeline, wish, clock=lambda: datetime.now(UTC))
    run_until_stopped(app, listening, lambda url: print(url, flush=True))


def _require_reference(token: str | None) -> None:
    """Raise ConfigError for a token in a flag: whoever lists the processes of the machine reads their flags."""
    from dataflow.errors import ConfigError
    from dataflow.sources.kafka.properties import HOW_TO_REFER, is_reference

    if token is not None and not is_reference(token):
        fix = f"everybody on this machine can read a command's flags; write {HOW_TO_REFER}"
        raise ConfigError("--serve-token", "****", f"{fix}, or set TIDEMILL_SERVE_TOKEN")


def served(settings: "Settings") -> "Served":
    """What the settings say of a server. Raises ConfigError."""
    from datetime import UTC, datetime, timedelta

    from dataflow.durations import to_ms
    from serve.api.client import networks
    from serve.served import Served

    def examine() -> "list[Finding]":
        from doctor.examination import diagnose
        from runtime.run_of_lake import of_its_lake

        return diagnose(of_its_lake(settings), lambda: datetime.now(UTC))

    return Served(
        settings.serve_host,
        settings.serve_port,
        settings.require_serve_token(),
        _words(settings.serve_origins),
        _words(settings.serve_hosts),
        networks(_words(settings.serve_proxies)),
        to_ms(settings.serve_timeout) / 1000,
        cache_reach=timedelta(milliseconds=to_ms(settings.serve_cache)),
        cache_bytes=settings.serve_cache_bytes,
        sql=settings.serve_sql,
        sql_timeout_s=to_ms(settings.serve_sql_timeout) / 1000,
        sql_memory_bytes=settings.serve_sql_memory_bytes,
        sql_rows=settings.serve_sql_rows,
        sql_bytes=settings.serve_sql_bytes,
        sql_children=settings.serve_sql_children,
        examine=examine,
    )


def _words(written: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in written.split(",") if word.strip())
