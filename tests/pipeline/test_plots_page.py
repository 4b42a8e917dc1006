"""`dvc plots` draws every table once, on a page that needs no network."""

import csv
import dataclasses
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import evaluate
from clone import ROOT, Clone
from siamese import atomic
from siamese.training.run import Epoch

PAGE = ROOT / ".dvc" / "plots-page"
TABLES = ("confusion", "reliability", "roc", "scores", "training")


def write_tables(plots: Path, seed: int) -> None:
    """Write the tables of a made-up run, with the columns that the stages give them."""
    generator = np.random.default_rng(seed)
    labels = np.repeat([0, 1], 50)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "PLOTS", plots)
        evaluate.write_curves(generator.normal(2 * labels - 1), labels)
    columns = [field.name for field in dataclasses.fields(Epoch)]
    rows = [[epoch, *generator.random(len(columns) - 1)] for epoch in (1, 2)]
    atomic.write_csv(plots / "training.csv", columns, rows)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a repository with the project's charts, one run committed and another after it."""
    path = tmp_path_factory.mktemp("plots") / "project"
    for name in (".dvc/config", "dvc.yaml", "params.yaml"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, path / name)
    for name in (".dvc/plots", ".dvc/plots-page"):
        shutil.copytree(ROOT / name, path / name)
    write_tables(path / "plots", seed=0)
    project = Clone(path)
    project.type("git init -q && git add -A && git commit -q -m 'first run'")
    write_tables(path / "plots", seed=1)
    Image.new("RGB", (2, 2)).save(path / "plots" / "gallery.png")
    return project


@pytest.fixture(
    scope="module", params=["dvc plots show", "dvc plots diff HEAD workspace -o other/folder"]
)
def page(project: Clone, request: pytest.FixtureRequest) -> Path:
    """Return the page that a command makes."""
    output = project.type(request.param)
    return Path(re.findall(r"file://(\S+)", output)[-1])


def specifications(page: Path) -> dict[str, Any]:
    """Return the charts of a page by the names of their tables; no name may come twice."""
    charts = re.findall(
        r"var spec = (.*);\n\s*vegaEmbed\('#plots_(\w+)_csv'", page.read_text(encoding="utf-8")
    )
    names = [name for _, name in charts]
    assert len(names) == len(set(names))
    return {name: json.loads(chart) for chart, name in charts}


def test_every_table_is_drawn_once(page: Path) -> None:
    assert tuple(sorted(specifications(page))) == TABLES
    # and there is no other chart
    assert page.read_text(encoding="utf-8").count("var spec = ") == len(TABLES)


def test_a_chart_has_all_runs_and_all_columns_of_its_table(page: Path, project: Clone) -> None:
    runs = {"HEAD", "workspace"} if "other" in page.parts else {"workspace"}
    for name, chart in specifications(page).items():
        with (project.path / "plots" / f"{name}.csv").open(encoding="utf-8") as file:
            columns = set(next(csv.reader(file)))
        rows = chart["data"]["values"]
        assert {row["rev"] for row in rows} == runs
        assert all(columns <= row.keys() for row in rows)


def fields(part: Any) -> tuple[set[str], set[str]]:
    """Return the fields that a part of a chart draws and those that it has, as data or made."""
    used: set[str] = set()
    known: set[str] = set()
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("field", "fold", "groupby"):
                used |= {value} if isinstance(value, str) else set(value)
            elif key == "as":
                known |= {value} if isinstance(value, str) else set(value)
            elif key == "values" and isinstance(value[0], dict):
                known |= set(value[0])
            elif key == "parse":
                used |= set(value)
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            more_used, more_known = fields(inner)
            used, known = used | more_used, known | more_known
    return used, known


def test_a_chart_draws_only_fields_that_there_are(page: Path) -> None:
    for name, chart in specifications(page).items():
        used, known = fields(chart)
        assert used
        assert used <= known, name


def test_a_page_loads_nothing_from_elsewhere(page: Path) -> None:
    tags = re.findall(r"<(?:script|link|img)\b[^>]*>", page.read_text(encoding="utf-8"))
    assert tags
    assert not [tag for tag in tags if re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", tag)]


def test_the_libraries_are_the_published_ones_with_their_licences() -> None:
    text = (PAGE / "page.html").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \S+ \| \S+ \| `(\w{64})` \|$", (PAGE / "README.md").read_text(), re.M)
    scripts = re.findall(r"<script>(.*?)</script>", text, re.S)
    assert len(listed) == 3
    assert [hashlib.sha256(script.encode()).hexdigest() for script in scripts[:3]] == listed
    assert (PAGE / "LICENSES.txt").read_text(encoding="utf-8") in text


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium isn't installed")
def test_a_browser_draws_every_chart_without_a_network(page: Path, tmp_path: Path) -> None:
    # Nothing listens at the proxy's address, so no request gets an answer.
    options = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
        "--disable-background-networking --disable-component-update "
        "--proxy-server=127.0.0.1:9 --virtual-time-budget=10000 --dump-dom"
    )
    command = ["chromium", *options.split(), f"--user-data-dir={tmp_path}", page.as_uri()]
    drawn = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert len(re.findall(r"<(?:svg|canvas)\b[^>]*class=\"marks\"", drawn)) == len(TABLES)
