"""Modules that a quick stage or command needs load without torch, which takes seconds."""

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import new_process

CODE = """
import sys
import {module}
print([name for name in sys.modules if name.split(".")[0] in ("torch", "torchvision")])
"""


@pytest.mark.parametrize(
    "module",
    [
        "siamese.rules",
        "siamese.networks.streams",
        "siamese.evaluation.verification",
        "siamese.evaluation.identification",
        "siamese.drawing.curves",
        "siamese.drawing.gallery",
        "siamese.commands.demo",
        "plot",
        "split",
    ],
)
def test_a_module_of_figures_rules_or_options_imports_no_torch(module: str) -> None:
    assert new_process.run("-c", CODE.format(module=module)).strip() == "[]"


def test_the_stage_check_loads_no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(new_process.STAGES.parent / "params.yaml", tmp_path)
    code = CODE.format(module="check; check.main()")
    assert new_process.run("-c", code).strip() == "[]"
    assert (tmp_path / "data/checked.txt").exists()


def test_dvc_reads_yaml_in_c() -> None:
    assert YAML(typ="safe").Parser.__module__.endswith("_ruamel_yaml")


def test_the_help_of_the_command_loads_no_torch() -> None:
    code = """
import sys
from siamese.__main__ import main
sys.argv = ["siamese", "--help"]
try:
    main()
except SystemExit:
    heavy = ("torch", "torchvision", "numpy", "PIL", "dvc", "gradio", "onnxruntime")
    print([name for name in heavy if name in sys.modules])
"""
    assert new_process.run("-c", code).splitlines()[-1] == "[]"
