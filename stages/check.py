"""params.yaml as a whole, before any work and before DVC deletes a stage's outputs."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from siamese import atomic, branch
from siamese.errors import InputError, run

PARAMS = Path("params.yaml")
CHECKED = Path("data/checked.txt")
# What this stage and the later ones import that is not Python's own.
NEEDED = ("PIL", "matplotlib", "numpy", "safetensors", "torch", "torchvision", "tqdm", "yaml")


def refuse_incomplete_environment() -> None:
    """Raise InputError if a package is missing, as where the environment is not active."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise InputError(
            f"{sys.executable} has no {', '.join(missing)}; activate the environment that the "
            "project is installed in, or install it there: pip install -e ."
        )


def check_backbone(recipe: Any, key: str) -> None:
    """Raise InputError if torchvision lacks a recipe's network, or it does not take the images."""
    from siamese.networks import backbone  # and torch, which takes seconds

    try:
        backbone.check(recipe)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def main() -> None:
    """Check every parameter; what is written never changes, so that no later stage re-runs."""
    refuse_incomplete_environment()
    from siamese import parameters, rules  # which need one of the packages

    params = rules.check(parameters.parse(parameters.read_text(PARAMS), str(PARAMS)), str(PARAMS))
    for name, recipe in rules.of_torchvision(params).items():
        check_backbone(recipe, f"{PARAMS}: recipes.{name}")
    for remark in (rules.remark(params), rules.unused(params)):
        if remark:
            print(f"note: {remark}", file=sys.stderr)
    branch.remark()
    with atomic.writing(CHECKED) as partial:
        partial.write_text("params.yaml holds what the stages take.\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
