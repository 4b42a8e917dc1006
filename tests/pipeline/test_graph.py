"""dvc.yaml says all that a stage depends on, so that DVC knows when to run it again.

And the library's folders import each other in one direction only.
"""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from siamese.parameters import Parameters

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "stages" / "siamese"
# Each folder, and the others that it may import; modules beside the folders are free to all.
FOLDERS = {
    "lfw": set(),
    "alignment": set(),
    "dataset": set(),
    "features": set(),
    "folder": {"dataset"},
    "drawing": set(),
    "networks": {"alignment", "features"},
    "evaluation": {"dataset"},
    "training": {"dataset", "evaluation", "networks"},
    "reports": {"alignment", "dataset", "drawing", "evaluation", "lfw", "networks", "photos"},
    "photos": {"alignment", "dataset", "networks"},
    "page": {"lfw", "photos"},
    "export": {"alignment", "dataset", "networks", "photos"},
    "benchmark": {"alignment", "dataset", "lfw", "networks", "training"},
    "commands": {"benchmark", "dataset", "export", "page", "photos", "reports"},
}
# What a module beside the folders may import of them: rules of names and sizes that they define.
BESIDE = {"rules": {"lfw", "networks"}, "__main__": {"commands"}}
GRAPHS = [ROOT / name for name in ("dvc.yaml", "view2/dvc.yaml", "watch/dvc.yaml")]
STAGES: dict[str, Any] = {
    name: stage
    for graph in GRAPHS
    for name, stage in yaml.safe_load(graph.read_text(encoding="utf-8"))["stages"].items()
}
EVERY_STAGE = [(ROOT / "stages" / f"{name}.py", stage) for name, stage in STAGES.items()]
every_stage = pytest.mark.parametrize(
    ("script", "stage"), EVERY_STAGE, ids=[script.stem for script, _ in EVERY_STAGE]
)


@cache
def imports(path: Path) -> frozenset[Path]:
    """Return the library's modules that a file imports, directly."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            place = ROOT / "stages" / name.replace(".", "/")
            modules |= {place.with_suffix(".py"), place / "__init__.py"}
    return frozenset(module for module in modules if module.is_file())


def folder(module: Path) -> str:
    """Return the folder of the library that a module is in, or "" if it is beside them."""
    parts = module.relative_to(LIBRARY).parts
    return parts[0] if len(parts) > 1 else ""


def closure(path: Path) -> set[Path]:
    """Return a file and all of the library's modules that it comes to import."""
    found: set[Path] = set()
    waiting = {path}
    while waiting:
        found |= waiting
        waiting = {module for file in waiting for module in imports(file)} - found
    return found


def dependencies(script: Path) -> set[str]:
    """Return what a stage depends on of the library, as dvc.yaml has it: folders whole.

    An ensemble imports the kinds of streams by name, when they are used: a folder counts with all
    that is in it.
    """
    found: set[str] = set()
    waiting = closure(script) - {script}
    seen: set[Path] = set()
    while waiting:
        seen |= waiting
        folders = {folder(module) for module in waiting} - {""}
        found |= {f"stages/siamese/{name}" for name in folders}
        beside = {module for module in waiting if not folder(module)}
        found |= {str(module.relative_to(ROOT)) for module in beside}
        inside = {module for name in folders for module in (LIBRARY / name).rglob("*.py")}
        waiting = {used for module in inside for used in closure(module)} - seen
    return found - {"stages/siamese/__init__.py"}


@every_stage
def test_a_stage_lists_its_script_and_every_folder_it_uses_and_no_other(
    script: Path, stage: dict[str, Any]
) -> None:
    listed = {dep for dep in stage["deps"] if dep.startswith("stages/")}
    expected = dependencies(script) | {f"stages/{script.name}"}
    if script.stem == "check":  # single files, since it uses next to nothing of their folders
        expected = {str(module.relative_to(ROOT)) for module in closure(script)}
        expected -= {
            str((LIBRARY / name / "__init__.py").relative_to(ROOT))
            for name in ("", "lfw", "networks")
        }
    assert listed == expected


def test_no_stage_depends_on_the_reports_or_the_commands() -> None:
    for stage in STAGES.values():
        above = "benchmark|commands|export|page|reports"
        assert not [dep for dep in stage["deps"] if re.search(above, dep)]


@pytest.mark.parametrize("name", FOLDERS)
def test_folders_import_each_other_in_one_direction(name: str) -> None:
    for module in (LIBRARY / name).rglob("*.py"):
        used = {folder(imported) for imported in imports(module)} - {"", name}
        assert used <= FOLDERS[name], module


def test_modules_beside_the_folders_import_none_of_them() -> None:
    for module in LIBRARY.glob("*.py"):
        used = {folder(imported) for imported in imports(module)} - {""}
        assert used <= BESIDE.get(module.stem, set()), module


def test_every_folder_says_what_is_in_it_and_what_it_may_import() -> None:
    assert {path.parent.name for path in LIBRARY.glob("*/__init__.py")} == FOLDERS.keys()
    for name, others in FOLDERS.items():
        text = ast.get_docstring(ast.parse((LIBRARY / name / "__init__.py").read_text("utf-8")))
        assert text is not None
        assert "ay import" in text
        assert all(f"`{other}`" in text for other in others if name != "commands"), name


def test_no_import_goes_in_a_circle() -> None:
    for module in LIBRARY.rglob("*.py"):
        for imported in imports(module) - {module}:
            assert module not in closure(imported), f"{module.name} and {imported.name}"


@every_stage
def test_a_stage_lists_the_params_that_it_uses_and_no_others(
    script: Path, stage: dict[str, Any]
) -> None:
    used = set()
    for path in closure(script) - {LIBRARY / "parameters.py", LIBRARY / "rules.py"}:
        source = path.read_text(encoding="utf-8")
        used |= set(re.findall(r"\bparam(?:s|eters)\.(\w+)", source))
        used |= set(re.findall(r"parameters\.read\(\w+\)\.(\w+)", source))
        used |= set(re.findall(r"\.for_view2\(\)\.(\w+)", source))
    # View 2 names a recipe and a scheduler of its own.
    view2 = "for_view2" in used
    for name in ("recipe", "scheduler"):
        if f"{name}_settings" in used:
            used |= {f"{name}s", "view2" if view2 else name}
        if view2:
            used -= {name}
    if "in_use" in used and script.stem != "view2_summary":  # which compares, and runs each time
        used |= {"dataset", "seed", "deterministic"}
    listed = {str(param).split(".")[0] for param in stage.get("params", [])}
    fields = set(Parameters.__dataclass_fields__)
    if script.stem == "view2_summary":
        assert stage["always_changed"]
        return
    assert listed == used & fields


def test_the_scripts_of_view_2_name_its_recipe_and_scheduler() -> None:
    for name in ("view2_faces", "view2_fold"):
        params = " ".join(STAGES[name]["params"])
        assert "${view2.recipe}" in params
        assert "${recipe}" not in params


def test_no_stage_gives_up_the_run_cache() -> None:
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert not re.search("persist|always_changed", text)


def test_stages_holds_one_script_for_each_stage_and_nothing_else() -> None:
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")}
    assert scripts == set(STAGES)


def test_metrics_and_plot_data_are_in_git_and_images_of_faces_are_not() -> None:
    for stage in STAGES.values():
        for entry in stage.get("metrics", []) + stage.get("plots", []):
            path, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
            assert options.get("cache", True) is (Path(path).suffix == ".png"), path
