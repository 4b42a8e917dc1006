"""Training of the alignment network, and how far off it is."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import OneCycleLR

from siamese import progress
from siamese.alignment import transforms
from siamese.alignment.network import SHARE, VIEW, AlignmentNetwork
from siamese.checkpoint import Checkpoint
from siamese.errors import InputError
from siamese.parameters import Alignment

KNEE = 0.1  # where the loss turns from squares to absolute values, as a share of the range
WARMUP = 0.3  # share of the steps in which the learning rate rises
KEPT_EVERY = 250  # steps after which the state is kept
IMAGES = 20_000  # to learn from, at most: all of LFW's, and fewer than the steps draw
Errors = dict[str, dict[str, float]]


class Learning:
    """The training of an alignment network, which can be left and continued.

    Args:
        images: (n, side, side) uint8, roughly aligned, as `network.INPUT` has them, on the device
            to train on.
        settings: range of the displacements, steps and so on.
        seed: of the initial parameters and of what is drawn.
    """

    def __init__(self, images: Tensor, settings: Alignment, seed: int) -> None:
        torch.manual_seed(seed)
        self.images, self.settings = images, settings
        self.network = AlignmentNetwork(settings).to(images.device)
        self.network.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), settings.learning_rate)
        self.scheduler = OneCycleLR(
            self.optimizer,
            settings.learning_rate,
            total_steps=settings.steps,
            pct_start=WARMUP,
            cycle_momentum=False,
        )
        self.step = 0

    def run(self) -> Iterator[int]:
        """Train to the end; yield the number of steps done, every 250 of them.

        Raises:
            InputError: the network's parameters are no finite numbers in the end.
        """
        self.network.train()
        total = self.settings.steps
        with progress.bar(title="alignment", unit=" steps", total=total) as bar:
            bar.update(self.step)
            while self.step < total:
                loss = self._loss()
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                self.scheduler.step()
                self.step += 1
                bar.update()
                if self.step % KEPT_EVERY == 0:
                    bar.set_postfix(loss=f"{loss.item():.4f}")
                    yield self.step
        if not all(tensor.isfinite().all() for tensor in self.network.state_dict().values()):
            raise InputError(
                "the alignment network is not of finite numbers; try a lower "
                f"alignment.learning_rate (now {self.settings.learning_rate:g})"
            )
        self.network.eval()

    def _loss(self) -> Tensor:
        """Return the loss of a batch of images, some mirrored, all displaced at random."""
        # Drawn on the CPU, so that a seed gives the same on every device.
        n, device = self.settings.batch_size, self.images.device
        rows = torch.randint(len(self.images), (n,)).to(device)
        mirrored = (torch.rand(n) < 0.5).to(device)
        displaced = (torch.rand(n, transforms.SIZE) * 2 - 1).to(device)
        images = self.images[rows][:, None].float() / 255
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
        views = transforms.view(images, displaced * self.network.limits, SHARE, VIEW)
        return F.smooth_l1_loss(self.network(views), displaced, beta=KNEE)

    def state_dict(self) -> dict[str, Any]:
        """Return the state, to be used or stored before the next step."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "generator": torch.get_rng_state(),
            "step": self.step,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take on a state that `state_dict` of the same training returned."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        torch.set_rng_state(state["generator"])
        self.step = state["step"]


def fit(images: Tensor, settings: Alignment, seed: int, checkpoint: Checkpoint) -> AlignmentNetwork:
    """Train an alignment network, from its start or from where it was left.

    Args:
        images: see `Learning`.
        settings: see `Learning`.
        seed: see `Learning`.
        checkpoint: of this training, to be removed when the caller has stored what it makes of it.

    Raises:
        InputError: the loss is not a finite number.
    """
    learning = Learning(images, settings, seed)
    if (state := checkpoint.load()) is not None:
        learning.load_state_dict(state)
        print(f"continuing after step {learning.step}, from {checkpoint.path}", flush=True)
    for _ in learning.run():
        checkpoint.save(learning.state_dict())
    return learning.network


def errors(network: AlignmentNetwork, images: Tensor, seed: int) -> Errors:
    """Return by how far images are displaced, before and after the alignment.

    Two copies of each image are displaced at random, by up to half the range, and each is aligned
    by itself. The error is by how far the two results differ, divided by the root of two. What both
    have in common does not count: nobody knows where a face is.

    Args:
        network: trained.
        images: (n, side, side) uint8, of people that it was not trained on.
        seed: of the displacements.

    Returns:
        "before" and "after": mean absolute error of the angle (degrees), of the scale (percent) and
        of the shift (percent of the image's side).
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(2, len(images), transforms.SIZE, generator=generator) - 0.5
    starts = drawn * network.limits.cpu()
    first, second = (network.align(images, start).transforms for start in starts)
    units = torch.tensor([180 / torch.pi, 100.0, 50.0, 50.0])
    result = {}
    for name, difference in (("before", starts[0] - starts[1]), ("after", first - second)):
        angle, scale, right, down = ((difference * units).abs().mean(dim=0) / 2**0.5).tolist()
        result[name] = {
            "angle_degrees": round(angle, 3),
            "scale_percent": round(scale, 3),
            "shift_percent": round((right + down) / 2, 3),
        }
    return result
