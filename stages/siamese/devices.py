"""Where the network runs."""

import os
import platform
from pathlib import Path
from typing import Any

import torch


def pick_device(deterministic: bool) -> torch.device:
    """Return CUDA where there is one, else MPS, else the CPU.

    Args:
        deterministic: whether CUDA is to repeat a run bit for bit, at some cost in speed. The
            CPU does so anyway.
    """
    if torch.cuda.is_available():
        if deterministic:
            # As torch's note on reproducibility asks for, before the first use of cuBLAS.
            os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def processor(device: torch.device) -> str:
    """Return the name of the processor behind a device, as the system gives it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def describe(device: torch.device) -> dict[str, Any]:
    """Return what a run's time and last digits depend on besides its parameters."""
    return {
        "device": device.type,
        "processor": processor(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
