"""The network, trained: data/faces.npy, data/pairs -> data/model.safetensors."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import torch

from siamese import allocation, atomic, devices, model, pairs, parameters, training
from siamese.errors import run
from siamese.network import SiameseNetwork

FACES = Path("data/faces.npy")
PAIRS = Path("data/pairs")
MODEL = Path("data/model.safetensors")
EPOCHS = Path("plots/training.csv")
METRICS = Path("metrics/train.json")


def main() -> None:
    """Train with early stopping; write each epoch's figures as it ends, and the best network."""
    allocation.keep_freed_memory()
    params = parameters.load(Path("params.yaml"))
    device = devices.pick_device()
    torch.manual_seed(params.seed)
    network = SiameseNetwork(params.image.size, params.image.channels)
    network.to(device).to(memory_format=torch.channels_last)
    faces = torch.from_numpy(np.load(FACES)).to(device)
    train, val = pairs.read_csv(PAIRS / "train.csv"), pairs.read_csv(PAIRS / "val.csv")

    stopping = training.EarlyStopping(params.patience)
    epochs = []
    EPOCHS.parent.mkdir(exist_ok=True)
    with EPOCHS.open("w", newline="", encoding="utf-8") as file:
        columns = [field.name for field in dataclasses.fields(training.Epoch)]
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for epoch in training.train(network, faces, train, val, params, stopping):
            writer.writerow(dataclasses.asdict(epoch))
            file.flush()
            epochs.append(epoch)
            print(
                f"epoch {epoch.epoch:2}: "
                f"train loss {epoch.train_loss:.4f}, accuracy {epoch.train_accuracy:.1%}; "
                f"val loss {epoch.val_loss:.4f}, accuracy {epoch.val_accuracy:.1%}; "
                f"{epoch.seconds:.0f} s",
                flush=True,
            )

    model.save(network, params.image, MODEL)
    seconds = [epoch.seconds for epoch in epochs]
    summary = {
        "dataset": params.dataset,
        "epochs": len(epochs),
        "best_epoch": stopping.best_epoch,
        "best_val_loss": stopping.best_loss,
        "convergence_seconds": round(sum(seconds[: stopping.best_epoch]), 2),
        "seconds": round(sum(seconds), 2),
        "pairs_per_second": round(len(train.labels) * len(epochs) / sum(seconds), 1),
        "device": device.type,
        "processor": devices.processor(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    atomic.write_json(METRICS, summary)


if __name__ == "__main__":
    run(main)
