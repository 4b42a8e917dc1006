"""dvc.yaml says all that a stage depends on, so that DVC knows when to run it again."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from siamese.parameters import RULES

ROOT = Path(__file__).parents[1]
PARAMETERS = ROOT / "stages" / "siamese" / "parameters.py"
STAGES: dict[str, Any] = {
    name: stage
    for graph in (ROOT / "dvc.yaml", ROOT / "view2" / "dvc.yaml")
    for name, stage in YAML(typ="safe", pure=True).load(graph)["stages"].items()
}
EVERY_STAGE = [(ROOT / "stages" / f"{name}.py", stage) for name, stage in STAGES.items()]
every_stage = pytest.mark.parametrize(
    ("script", "stage"), EVERY_STAGE, ids=[script.stem for script, _ in EVERY_STAGE]
)


def imports(path: Path) -> set[Path]:
    """Return the library's modules that a file imports, directly."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        modules |= {ROOT / "stages" / f"{name.replace('.', '/')}.py" for name in names}
    return {module for module in modules if module.exists()}


def closure(path: Path) -> set[Path]:
    """Return a file and all of the library's modules that it comes to import."""
    found: set[Path] = set()
    waiting = {path}
    while waiting:
        found |= waiting
        waiting = {module for file in waiting for module in imports(file)} - found
    return found


@every_stage
def test_a_stage_lists_its_script_and_every_module_it_uses(
    script: Path, stage: dict[str, Any]
) -> None:
    listed = {dep for dep in stage["deps"] if dep.endswith(".py")}
    assert listed == {str(path.relative_to(ROOT)) for path in closure(script)}


@every_stage
def test_a_stage_lists_the_params_that_it_uses_and_no_others(
    script: Path, stage: dict[str, Any]
) -> None:
    used = set()
    for path in closure(script) - {PARAMETERS}:
        source = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"\bparam(?:s|eters)\.(\w+)", source))
        used |= set(re.findall(r"parameters\.load\(\S+\)\.(\w+)", source))
    # View 2 names a recipe and a scheduler of its own.
    view2 = "for_view2" in used
    for name in ("recipe", "scheduler"):
        if f"{name}_settings" in used:
            used |= {f"{name}s", "view2" if view2 else name}
        if view2:
            used -= {name}
    listed = {str(param).split(".")[0] for param in stage.get("params", [])}
    assert listed == used & set(RULES)


def test_training_depends_on_the_chosen_settings_alone() -> None:
    params = STAGES["train"]["params"]
    assert {"recipes.${recipe}", "schedulers.${scheduler}"} <= set(params)
    assert not {"recipes", "schedulers"} & set(params)


def test_no_stage_gives_up_the_run_cache() -> None:
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert not re.search("persist|always_changed", text)


def test_stages_holds_one_script_for_each_stage_and_nothing_else() -> None:
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")}
    assert scripts == set(STAGES)


def test_metrics_and_plot_data_stand_in_git_and_images_of_faces_do_not() -> None:
    for stage in STAGES.values():
        for entry in stage.get("metrics", []) + stage.get("plots", []):
            path, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
            assert options.get("cache", True) is (Path(path).suffix == ".png"), path


def test_no_import_goes_in_a_circle() -> None:
    for module in (ROOT / "stages" / "siamese").glob("*.py"):
        for imported in imports(module):
            assert module not in closure(imported), f"{module.name} and {imported.name}"
