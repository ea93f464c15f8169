"""`forecaster up`: a schedule fires, the API answers, the page shows it in a real browser, Ctrl-C ends all of it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from forecaster.actions.ingest import ingest
from forecaster.actions.promote import promote
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.client import Client
from forecaster.errors import ConfigError
from forecaster.series import synthetic

PROJECT = """
name = "up"

[ports]
prefect = 0
mlflow = 0
rest = 0
dashboard = 0

[pipelines.meters]
source = "files"
options = { path = "DATA/*.csv", unit = "kWh" }
horizon = 6
schedule = "every 15s"
model = "lstm"
settings = { steps = 20, size = "s", rows = 8, stretch = 64 }
"""
_START_S, _FIRE_S = 150, 120


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A project with a trained champion that has scored once, and all of it up."""
    folder = tmp_path_factory.mktemp("up")
    (folder / "data").mkdir()
    synthetic.seasonal(2, 300, noise=0.2).to_csv(folder / "data" / "meters.csv", index=False)
    path = folder / "forecaster.toml"
    path.write_text(PROJECT.replace("DATA", str(folder / "data")))
    app = App.open(path)
    ingest(app=app)
    train(app=app)
    promote("meters", version="1", app=app)
    score(app=app)
    log = folder / "up.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "forecaster", "up", "--project", str(path)],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "200"},
            preexec_fn=_heed_interrupts,
        )
    try:
        yield {"process": process, "path": path, "log": log, **_addresses(process, log)}
    finally:
        if process.poll() is None:
            process.kill()


def _heed_interrupts() -> None:
    """A job in a shell's background is started deaf to Ctrl-C, and so would be all that these tests start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _addresses(process: "subprocess.Popen[bytes]", log: Path) -> dict[str, str]:
    """What the table of addresses says."""
    give_up = time.monotonic() + _START_S
    while time.monotonic() < give_up and process.poll() is None:
        text = log.read_text()
        if "Ctrl-C ends" in text:
            found = re.findall(r"^\s*(Prefect|REST|dashboard|MLflow).*?(http://127\.0\.0\.1:\d+)", text, re.MULTILINE)
            return dict(found)
        time.sleep(0.5)
    raise AssertionError(f"up did not come up: {log.read_text()[-3000:]}")


pytestmark = pytest.mark.slow


def test_everything_answers(running: dict[str, Any]) -> None:
    """Every address of the table, and the API by its own description."""
    assert set(running) >= {"Prefect", "REST", "dashboard", "MLflow"}
    for name in ("Prefect", "REST", "dashboard", "MLflow"):
        suffix = "/docs" if name == "REST" else ""
        assert httpx.get(running[name] + suffix, follow_redirects=True, timeout=20).status_code == 200, name
    paths = httpx.get(running["REST"] + "/openapi.json", timeout=20).json()["paths"]
    assert {"/v1/series", "/v1/observations", "/v1/forecasts", "/v1/anomalies", "/healthz"} <= set(paths)
    writing = {path for path, methods in paths.items() if set(methods) != {"get"}}
    assert writing == {"/v1/labels"}, "the API is read-only, but for what people say of events"


def test_a_schedule_fires(running: dict[str, Any]) -> None:
    """New rows in the file become observations, forecasts and scores, and nobody called a flow."""
    app = App.open(running["path"])
    more = synthetic.seasonal(2, 320, noise=0.2)
    more.to_csv(running["path"].parent / "data" / "meters.csv", index=False)
    newest = more["ds"].max().tz_localize("UTC")
    give_up = time.monotonic() + _FIRE_S
    while time.monotonic() < give_up:
        forecasts = app.lake.read("forecasts")
        if len(forecasts) and forecasts["cutoff"].max() == newest:
            break
        time.sleep(1)
    else:
        logs = (running["path"].parent / ".forecaster" / "logs" / "flows.log").read_text()[-3000:]
        pytest.fail(f"no scheduled run within {_FIRE_S} s: {logs}")
    assert app.ledger.find_runs(verb="score")["status"].isin(["done", "running"]).all()


def test_the_client_reads_what_the_store_has(running: dict[str, Any]) -> None:
    """Frames by HTTP equal those of the lake; a wrong question is answered with what is wrong."""
    app = App.open(running["path"])
    with Client(running["REST"]) as client:
        assert client.health()["status"] == "ok"
        assert client.series()["unique_id"].tolist() == ["s0", "s1"]
        there, here = client.observations(["s1"], limit=50), app.lake.read("observations", series=["s1"], limit=50)
        pd.testing.assert_frame_equal(
            there[["unique_id", "ds", "y"]], here[["unique_id", "ds", "y"]], check_dtype=False
        )
        assert len(client.forecasts(["s0"], since=str(there["ds"].min()))) >= 6
        with pytest.raises(ConfigError, match="is no time"):
            client.forecasts(since="yesterday-ish")
    answer = httpx.get(running["REST"] + "/v1/observations", params={"since": "x"}, timeout=20)
    assert answer.headers["content-type"] == "application/problem+json"
    asked = {"series": "s0", "limit": 2, "format": "csv"}
    csv = httpx.get(running["REST"] + "/v1/observations", params=asked, timeout=20)
    assert csv.text.splitlines()[0].startswith("unique_id,ds,y")


@pytest.mark.browser
def test_the_page_shows_a_series_in_a_real_browser(running: dict[str, Any], tmp_path: Path) -> None:
    """From the first page to a series and to another: history, fan and facts are drawn, nothing is fetched from outside, the
    address keeps the choice; of one that there is not no axes are drawn. The API's own page is there, too."""
    browser = next(
        (found for name in ("chromium", "google-chrome", "chromium-browser") if (found := shutil.which(name))), None
    )
    if browser is None:
        pytest.skip("NO BROWSER on this machine, the page is untested: install chromium")
    from playwright.sync_api import sync_playwright

    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
    ]
    with sync_playwright() as playwright:
        shown = playwright.chromium.launch(executable_path=browser, args=arguments)
        page = shown.new_page()
        outside: list[str] = []
        problems: list[str] = []
        page.on(
            "request",
            lambda r: outside.append(r.url) if "127.0.0.1" not in r.url and r.url.startswith("http") else None,
        )
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.goto(running["dashboard"])
        page.locator("#models").get_by_text("version 1").wait_for(timeout=30_000)
        page.locator("#ages a").get_by_text("s1").click(timeout=30_000)
        page.wait_for_url("**series=s1**", timeout=30_000)
        page.get_by_text("all", exact=True).click()
        page.wait_for_url("**span=all**", timeout=30_000)
        page.wait_for_selector("#figure .legendtext", timeout=30_000)
        page.wait_for_selector("text=forecast by", timeout=30_000)
        drawn = page.locator("#figure .legendtext").all_text_contents()
        assert {"observed", "80 %", "forecast"} <= set(drawn)
        page.get_by_role("textbox", name="Series").click()
        page.get_by_role("option", name="s0").click()
        page.wait_for_url("**series=s0**", timeout=30_000)
        page.goto(running["dashboard"] + "/?series=nope")
        page.wait_for_selector("text=No series 'nope'", timeout=30_000)
        assert page.locator("#figure").count() == 0
        page.goto(running["REST"] + "/docs")
        page.get_by_text("/v1/observations").first.wait_for(timeout=30_000)
        shown.close()
    assert outside == []
    assert problems == []


def test_ctrl_c_ends_all_of_it_and_schedules_stay(running: dict[str, Any]) -> None:
    """No process is left, and Prefect still has its schedules for the next time."""
    deployments, give_up = [], time.monotonic() + _FIRE_S
    while len(deployments) < 6 and time.monotonic() < give_up:
        deployments = httpx.post(running["Prefect"] + "/api/deployments/filter", json={}, timeout=20).json()
        time.sleep(0.5)
    running["process"].send_signal(signal.SIGINT)
    assert running["process"].wait(120) == 0, running["log"].read_text()[-2000:]
    assert "stopped" in running["log"].read_text()
    for name in ("Prefect", "REST", "dashboard", "MLflow"):
        with pytest.raises(httpx.TransportError):
            httpx.get(running[name], timeout=2)
    assert [d["paused"] for d in deployments] == [False] * 6
    import sqlite3

    with sqlite3.connect(running["path"].parent / ".forecaster" / "prefect" / "prefect.db") as database:
        active = database.execute("SELECT count(*) FROM deployment_schedule WHERE active").fetchone()
        paused = database.execute("SELECT count(*) FROM deployment WHERE paused").fetchone()
    assert (active, paused) == ((2,), (0,))
