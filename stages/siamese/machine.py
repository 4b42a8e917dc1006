"""The machine that a network runs on: its device, and how the process uses memory."""

import ctypes
import os
import platform
import sys
from pathlib import Path
from typing import Any

import torch

# Numbers of glibc's <malloc.h>.
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4


def prepare() -> None:
    """Prepare the process for work on a CPU, which more than doubles the speed of training.

    To be called before the first tensor is made.
    """
    keep_freed_memory()
    flush_denormals()


def keep_freed_memory() -> None:
    """Let freed blocks stay with the process instead of returning to the system; Linux only.

    Each training step allocates and frees the same tensors of up to 150 MB. By default glibc maps
    blocks of that size afresh each time, and every page of them costs a fault on first touch.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries lack it
        if mallopt is not None:
            mallopt(M_MMAP_MAX, 0)
            mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def flush_denormals() -> None:
    """Count numbers below 1.2e-38 as 0, where the processor can.

    Many processors take many times as long for them, and there are many: the share of a patch in a
    distant Gaussian, for example. A thread takes this setting from the one that starts it; threads
    that are already running keep theirs.
    """
    torch.set_flush_denormal(True)


def pick_device(deterministic: bool) -> torch.device:
    """Return CUDA where there is one, else MPS, else the CPU.

    Args:
        deterministic: whether CUDA is to repeat a run bit for bit, at some cost in speed. The
            CPU always does.
    """
    if torch.cuda.is_available():
        if deterministic:
            # As torch's note on reproducibility asks for, before the first use of cuBLAS.
            os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
            torch.use_deterministic_algorithms(True)
            torch.backends.cudnn.benchmark = False
        return torch.device("cuda")
    # Several processes have no way to exchange tensors of MPS.
    alone = processes() == 1
    return torch.device("mps" if alone and torch.backends.mps.is_available() else "cpu")


def place(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Return images on a device, or as they are where they take half of its free memory or more."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        if 2 * images.nbytes >= free:
            return images
    return images.to(device)


def processes() -> int:
    """Return how many processes train together; see `siamese.training.distributed`."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size()
    return 1


def processor(device: torch.device) -> str:
    """Return the name of a device's processor, as the system gives it."""
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
        **({"processes": processes()} if processes() > 1 else {}),
        "torch": torch.__version__,
    }
