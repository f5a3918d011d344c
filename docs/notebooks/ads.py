"""Clicks per ad from a Tidemill server: a marimo notebook, also an app and a script; see docs/connect.md."""

import marimo

app = marimo.App(width="medium", app_title="Clicks per ad")


@app.cell
def _():
    import os

    import httpx
    import marimo as mo
    import polars as pl
    import pyarrow as pa

    return httpx, mo, os, pa, pl


@app.cell
def _(mo):
    server = mo.cli_args().get("url") or "http://127.0.0.1:8088"
    refresh = mo.ui.refresh(options=["5s", "30s"])
    mo.hstack([mo.md(f"Clicks per ad, from {server}"), refresh])
    return refresh, server


@app.cell
def _(httpx, os, pa, pl, refresh, server):
    refresh.value
    token = os.environ.get("TIDEMILL_SERVE_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    asked = {"last": "1d", "total": "true", "format": "arrow"}
    answer = httpx.get(f"{server}/api/v1/reports/ad_clicks_1m", params=asked, headers=headers, timeout=30)
    answer.raise_for_status()
    ads = pl.from_arrow(pa.ipc.open_stream(answer.content).read_all()).sort("clicks", "ad_id", descending=[True, False])
    return ads, answer


@app.cell
def _(ads, answer, mo):
    clicks = ads["clicks"].sum()
    said = f"{clicks} clicks of {ads.height} ads at snapshot {answer.headers['x-snapshot-id']}"
    print(said)
    mo.md(f"**{said}**")
    return


@app.cell
def _(ads):
    ads
    return


if __name__ == "__main__":
    app.run()
