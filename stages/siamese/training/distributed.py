"""Training in several processes: one for each GPU, or each with its share of a CPU's cores.

PyTorch's own engine does the work: torchrun's launcher starts the processes, and
DistributedDataParallel averages their gradients. A batch is divided among the processes; what the
network makes of it is gathered again, so that every process has the loss of the whole batch. With
one process every function here gives back what it is given.
"""

import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.rendezvous import rendezvous
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from siamese import machine
from siamese.errors import InputError

# How long a process waits for the others: while the first one sets closed-form streams, they do
# nothing else, and a process that has died is noticed without it. PyTorch's own 10 to 30 minutes
# are too short for many images.
TIMEOUT = timedelta(hours=6)
# In seconds: a process that loses its connection gives the launcher, which looks ten times a
# second, this time to find the one that died, and to end all others.
GRACE = 5.0


def launched() -> bool:
    """Return whether torchrun, or `launch`, has started this process."""
    return dist.is_available() and dist.is_torchelastic_launched()


def launch(command: Callable[[], None], processes: int) -> None:
    """Run a command in several processes on this machine, as torchrun does.

    Args:
        command: a function of a script's or module's top level, which calls `joined`. It says
            itself why it fails.
        processes: how many, at least 2.

    Raises:
        InputError: a process was killed.
        KeyboardInterrupt: the command was interrupted.
    """
    # Not needed by one process, and slow to import.
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    if os.environ.get("SIAMESE_DEBUG", "0") == "0":
        logging.disable()  # the launcher's reports, since there is one message of ours
    with tempfile.TemporaryDirectory() as folder:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=str(os.getpid()),
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            start_method="spawn",
            logs_specs=DefaultLogsSpecs(folder),
        )
        try:
            elastic_launch(config, command)()
        except SignalException as error:
            if error.sigval == signal.SIGINT:
                raise KeyboardInterrupt from None
            sys.exit(128 + error.sigval)
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            if failure.exitcode == 128 + signal.SIGINT:
                raise KeyboardInterrupt from None
            if failure.exitcode > 0:
                sys.exit(failure.exitcode)
            raise InputError(
                f"process {rank + 1} of {processes} was ended by "
                f"{signal.Signals(-failure.exitcode).name}, perhaps for lack of memory, and the "
                "others with it; finished epochs are kept"
            ) from None


@contextmanager
def joined() -> Iterator[None]:
    """Join the processes that were launched with this one, if any, and leave them at the end.

    Where they fail, one of them lets its error through, and the others end silently.
    """
    if not launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield
        return
    # Of names that PyTorch is about to change; the new ones are not in every version from 2.6 on.
    warnings.filterwarnings("ignore", category=FutureWarning, module=__name__)
    _share_cores()
    store, rank, size = next(rendezvous("env://"))
    try:
        device = _own_gpu() if torch.cuda.is_available() else None
        dist.init_process_group(
            "nccl" if device else "gloo",
            store=store,
            rank=rank,
            world_size=size,
            timeout=TIMEOUT,
            device_id=device,
        )
        yield
    except KeyboardInterrupt:
        # The one that has launched the others says so, or else the first. It also passes the signal
        # on to those that have had it from the terminal, so that they end at once.
        if multiprocessing.parent_process() is not None or rank > 0:
            os._exit(128 + signal.SIGINT)
        raise
    except Exception as error:
        explained = isinstance(error, InputError | OSError)
        first = _is_first_to_fail(store)
        if not (first and explained):
            time.sleep(GRACE)
        if not first:
            sys.exit(1)
        if explained:
            raise
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"process {rank + 1} of {size}: {type(error).__name__}: {reason}; "
            "SIAMESE_DEBUG=1 shows where"
        ) from error
    else:
        dist.destroy_process_group()


def _is_first_to_fail(store: Any) -> bool:
    try:
        return bool(store.add("siamese/failed", 1) == 1)
    except RuntimeError:  # the launcher, which keeps the store, is gone
        return False


def _own_gpu() -> torch.device:
    local = int(os.environ["LOCAL_RANK"])
    if local >= (found := torch.cuda.device_count()):
        raise InputError(
            f"{os.environ['LOCAL_WORLD_SIZE']} processes on this machine, which has {found} GPUs; "
            "it takes one process for each GPU at most"
        )
    torch.cuda.set_device(local)
    return torch.device("cuda", local)


def _share_cores() -> None:
    """Give each process of this machine as many threads, unless OMP_NUM_THREADS says how many.

    torchrun sets that to 1 where it is not set, so that its 1 says nothing.
    """
    chosen = os.environ.get("OMP_NUM_THREADS")
    by_torchrun = multiprocessing.parent_process() is None
    if chosen is None or (chosen == "1" and by_torchrun):
        affinity = getattr(os, "sched_getaffinity", None)  # Linux
        cores = len(affinity(0)) if affinity else os.cpu_count() or 1
        torch.set_num_threads(max(1, cores // int(os.environ["LOCAL_WORLD_SIZE"])))


def is_first() -> bool:
    """Return whether this is the process that prints and writes: of rank 0, or the only one."""
    return machine.processes() == 1 or dist.get_rank() == 0


def from_first(value: Any) -> Any:
    """Return the first process's value, which can be pickled, in all of them."""
    if machine.processes() == 1:
        return value
    values = [value if is_first() else None]
    dist.broadcast_object_list(values, src=0)
    return values[0]


def part(total: int) -> slice:
    """Return which of a batch's `total` rows are this process's; none where there are too few."""
    size = machine.processes()
    return _part(total, dist.get_rank() if size > 1 else 0, size)


def _part(total: int, rank: int, size: int) -> slice:
    return slice(total * rank // size, total * (rank + 1) // size)


def gather(rows: Tensor, total: int) -> Tensor:
    """Return the rows (total, ...) of all processes, of which each has its `part`.

    The gradient is right where every process takes the same loss of them, and
    DistributedDataParallel then averages: that of each row is the sum of all processes' gradients.
    (`torch.distributed.all_gather` has no gradient.)
    """
    size = machine.processes()
    if size == 1:
        return rows
    longest = -(-total // size)
    padding = [0, 0] * (rows.ndim - 1) + [0, longest - len(rows)]
    lengths = [len(range(total)[_part(total, rank, size)]) for rank in range(size)]
    parts = _all_gather(F.pad(rows, padding))
    return torch.cat([part[:length] for part, length in zip(parts, lengths, strict=True)])


def _all_gather(values: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors of all processes, alike in shape."""
    from torch.distributed.nn import functional  # not in every build of PyTorch

    gathered: tuple[Tensor, ...] = functional.all_gather(values)
    return gathered


def wrap(module: nn.Module) -> nn.Module:
    """Return a module whose gradients are averaged over the processes, if called itself.

    Its state is the first process's, constants included.
    """
    if machine.processes() == 1:
        return module
    # Buffers are the same everywhere without being sent at each step: `GlobalBatchNorm`.
    return DistributedDataParallel(module, broadcast_buffers=False)


class GlobalBatchNorm(_BatchNorm):
    """Batch normalisation by the mean and variance of all processes' parts of a batch, on a CPU.

    PyTorch's own, `SyncBatchNorm`, takes tensors of GPUs only.
    """

    num_batches_tracked: Tensor
    running_mean: Tensor
    running_var: Tensor
    momentum: float

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input (n, channels, ...); n may be 0."""
        if not self.training:
            normalised: Tensor = super().forward(input)
            return normalised
        channels, others = input.shape[1], [axis for axis in range(input.ndim) if axis != 1]
        count = input.numel() // channels
        if count > 0:
            variance, mean = torch.var_mean(input, others, correction=0)
        else:  # 0, but part of the graph: the backward pass is collective
            variance = mean = input.sum(others)
        own = torch.cat([mean.new_tensor([count]), mean, variance]).double()
        counts, means, variances = torch.stack(_all_gather(own)).split([1, channels, channels], 1)
        total = counts.sum()
        mean = (counts * means).sum(0) / total
        variance = (counts * (variances + (means - mean) ** 2)).sum(0) / total
        self._update(mean.detach(), variance.detach() * total / (total - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        shape = [channels] + [1] * (input.ndim - 2)
        shift = self.bias - mean * scale
        return torch.addcmul(shift.to(input).view(shape), input, scale.to(input).view(shape))

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    @torch.no_grad()
    def _update(self, mean: Tensor, variance: Tensor) -> None:
        for running, new in ((self.running_mean, mean), (self.running_var, variance)):
            running.lerp_(new.to(running), self.momentum)
        self.num_batches_tracked.add_(1)


def synchronise(network: nn.Module) -> None:
    """Let a network's batch normalisation see the whole batch, if there are several processes.

    The names of its state stay.
    """
    if machine.processes() == 1:
        return
    if next(network.parameters()).is_cuda:
        nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return
    for each in list(network.modules()):
        for name, child in each.named_children():
            if isinstance(child, _BatchNorm):
                norm = GlobalBatchNorm(child.num_features, child.eps, child.momentum)
                norm.load_state_dict(child.state_dict())
                setattr(each, name, norm)
