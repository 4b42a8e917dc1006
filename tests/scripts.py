"""The stages' scripts, loaded as modules to call what is in them."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

STAGES = Path(__file__).parents[1] / "stages"


def load(name: str) -> ModuleType:
    """Return the script of a stage as a module; its `main` is not run."""
    specification = importlib.util.spec_from_file_location(name, STAGES / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module
