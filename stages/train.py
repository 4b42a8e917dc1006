"""The network, trained: data/faces.npy, data/pairs -> data/model.safetensors."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import torch

from siamese import allocation, atomic, devices, model, pairs, parameters, training
from siamese.checkpoint import Checkpoint
from siamese.errors import run
from siamese.network import SiameseNetwork

FACES = Path("data/faces.npy")
TRAINING = Path("data/pairs/train.csv")
VALIDATION = Path("data/pairs/val.csv")
MODEL = Path("data/model.safetensors")
EPOCHS = Path("plots/training.csv")
METRICS = Path("metrics/train.json")
UNFINISHED = Path(".training")  # not among DVC's outputs, which it deletes before a run
CODE = [Path(__file__), *sorted(Path(training.__file__).parent.glob("*.py"))]


def main() -> None:
    """Train with early stopping; write each epoch's figures as it ends, and the best network."""
    allocation.keep_freed_memory()
    params = parameters.load(Path("params.yaml"))
    device = devices.pick_device(params.deterministic)
    machine = {
        "device": device.type,
        "processor": devices.processor(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    torch.manual_seed(params.seed)
    network = SiameseNetwork(params.image.size, params.image.channels)
    network.to(device).to(memory_format=torch.channels_last)
    faces = torch.from_numpy(np.load(FACES)).to(device)
    train, val = pairs.read_csv(TRAINING), pairs.read_csv(VALIDATION)

    progress = training.Run(network, params, len(train.labels))
    settings = dataclasses.asdict(params) | {"schedulers": params.scheduler_settings}
    checkpoint = Checkpoint(UNFINISHED, [settings, machine], [FACES, TRAINING, VALIDATION, *CODE])
    if (state := checkpoint.load()) is not None:
        progress.load_state_dict(state)
        print(f"going on after epoch {len(progress.epochs)}, from {checkpoint.path}", flush=True)
    EPOCHS.parent.mkdir(exist_ok=True)
    with EPOCHS.open("w", newline="", encoding="utf-8") as file:
        columns = [field.name for field in dataclasses.fields(training.Epoch)]
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(dataclasses.asdict, progress.epochs))
        file.flush()
        for epoch in training.train(progress, faces, train, val, params):
            checkpoint.save(progress.state_dict())
            writer.writerow(dataclasses.asdict(epoch))
            file.flush()
            print(training.describe(epoch, params), flush=True)
    if progress.diverged_epoch is not None:
        print(
            f"epoch {progress.diverged_epoch}: the loss is no finite number; "
            f"epoch {progress.stopping.best_epoch} is kept; {training.advice(params)}"
        )

    model.save(network, params.image, MODEL)
    seconds = [epoch.seconds for epoch in progress.epochs]
    best = progress.stopping.best_epoch
    summary = {
        "dataset": params.dataset,
        "epochs": len(seconds),
        "best_epoch": best,
        "best_val_loss": progress.stopping.best_loss,
        "collapsed_epoch": progress.collapsed_epoch,
        "diverged_epoch": progress.diverged_epoch,
        "convergence_seconds": round(sum(seconds[:best]), 2),
        "seconds": round(sum(seconds), 2),
        "pairs_per_second": round(len(train.labels) * len(seconds) / sum(seconds), 1),
        **machine,
    }
    atomic.write_json(METRICS, summary)
    checkpoint.remove()


if __name__ == "__main__":
    run(main)
