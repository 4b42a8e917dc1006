"""A model card of the workspace's network, in Hugging Face's layout, from the run's own figures.

Source: Mitchell et al., "Model Cards for Model Reporting" (2019); the Hugging Face Hub's layout.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from siamese import parameters
from siamese.errors import InputError
from siamese.networks import model_file
from siamese.networks.model_file import Settings
from siamese.parameters import FOLDER, IMAGE_SIDE, Parameters, folder_name
from siamese.reports.markdown import markdown

PARAMS = Path("params.yaml")
MODEL = Path("data/model.safetensors")
FILES = {name: Path(f"data/{name}.json") for name in ("dataset", "training", "evaluation")}
LEARNS_FROM = {
    "pairs": "the listed pairs of pairsDevTrain.txt (image-restricted)",
    "contrastive": "the names of the people of peopleDevTrain.txt (unrestricted)",
}
CHOSEN_ON = {
    "held_out": "The test pairs show none of the people that it learned from.",
    "training": (
        "The test pairs show none of the people that it learned from. The validation pairs were "
        "learned from as well: their figures say nothing."
    ),
    "test": (
        "The test pairs chose the epoch and the threshold, so that their figures are too high."
    ),
}
DATASETS = {
    "synthetic": "drawn faces of invented people",
    "lfw": "Labeled Faces in the Wild, original images",
    "lfw-funneled": "Labeled Faces in the Wild, funneled",
    "lfw-deepfunneled": "Labeled Faces in the Wild, deep-funneled",
}
# What LFW's authors say of their images; of a folder of one's own nothing is known.
LFW_PURPOSE = """\
Labeled Faces in the Wild must not be used to conclude that an algorithm is suitable for any
commercial purpose, as its authors say."""
LFW_LIMITS = """\
As LFW's authors tell of their images: few children and no babies, very few people over 80, a
relatively small proportion of women, very few people of many ethnicities; no images under poor
lighting, in extreme pose or strongly occluded. They are press photographs of public figures, found
by a face detector that sees frontal faces. Error rates for groups that are rare in LFW cannot be
measured on it, and must be expected to be higher than those above."""
LFW_SOURCE = """\
G. B. Huang et al., *Labeled Faces in the Wild*, University of Massachusetts, Amherst, Technical
Report 07-49 (2007)."""
FOLDER_PURPOSE = "Whether the people shown agree to a use is for the folder's owner to find out."
FOLDER_LIMITS = """\
Nothing is known here of who the people of the folder are, nor of how they were photographed. Error
rates for people and cameras that are rare in it cannot be measured on it, and must be expected to
be higher than those above."""


def write(path: Path) -> None:
    """Write the model card of the workspace's network.

    Raises:
        InputError: nothing has been trained, or the network is not that of params.yaml.
    """
    for file in (MODEL, *FILES.values()):
        if not file.exists():
            raise InputError(f"{file} is missing; `dvc repro` makes it")
    params = parameters.read(PARAMS)
    settings = model_file.load(MODEL)[1]
    if (trained := settings.trained.get("recipe")) != params.recipe:
        raise InputError(
            f"{MODEL} is of recipe {trained}, params.yaml says {params.recipe}; `dvc repro`"
        )
    made = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in FILES.items()}
    path.write_text(text(params, settings, **made), encoding="utf-8")


def text(
    params: Parameters,
    settings: Settings,
    dataset: dict[str, Any],
    training: dict[str, Any],
    evaluation: dict[str, Any],
) -> str:
    """Return the card as Markdown with a YAML header."""
    own = params.dataset == FOLDER
    images = _images(params)
    header = yaml.safe_dump(_header(params, images, evaluation), sort_keys=False)
    test, threshold = evaluation["test"], evaluation["threshold"]
    rows = [
        (
            name,
            f"{part['pairs']:,}",
            f"{part['accuracy_at_threshold']:.1%} ({part['accuracy_at_threshold_low']:.1%} to "
            f"{part['accuracy_at_threshold_high']:.1%})",
            f"{part['false_accept_rate']:.1%}",
            f"{part['false_reject_rate']:.1%}",
            f"{part['auc']:.3f}",
            f"{part['brier_score']:.3f}",
        )
        for name, part in (("validation", evaluation["val"]), ("test", test))
    ]
    columns = (
        *("pairs", "number", "accuracy", "false accepts", "false rejects", "AUC", "Brier score"),
    )
    image = settings.image
    crop = f"{image.crop}×{image.crop} pixels of LFW's 250×250"
    learned = LEARNS_FROM[params.recipe_settings.objective]
    if own:
        crop = f"square of {image.crop / IMAGE_SIDE:.0%} of a photograph's shorter side"
        learned = "pairs formed of the training people's images, by name"
    ways = max(int(name.removesuffix("_way")) for name in evaluation["one_shot"])
    aligned = ", after alignment by a network that travels with it" if image.align else ""
    streams = ", ".join(
        f"{kind} {', '.join(f'{zoom:g}' for zoom in zooms)}"
        for kind, zooms in settings.streams.items()
        if zooms
    )
    outside = ", and nothing else"
    if "outside_data" in training:
        outside = f"; before that, outside data: {training['outside_data']}, torchvision's weights"
    return f"""---
{header}---

# {_name(params)}

Says whether two photographs show the same person, also a person that it has never seen, with a
probability. Network `{settings.network}`{f" ({streams})" if streams else ""}, recipe
`{params.recipe}`, scheduler `{params.scheduler}`, seed {params.seed}.

## Training data

{images}: {dataset["learned_images"]:,} images of {dataset["learned_people"]:,} people{outside}.
It learned from {learned}. Its input is the centre
{crop}, at {image.size}×{image.size} pixels,
{"gray" if image.grayscale else "in colour"}{aligned}. Of {training["epochs"]} epochs the one with
the lowest loss on validation pairs is kept. Training took {training["seconds"] / 60:.1f} minutes on
{training["threads"]} threads of {training["processor"]} ({training["device"]}, torch
{training["torch"]}).

## Figures

{CHOSEN_ON[params.split.validate_on]} The threshold ({1 - threshold:.3f}, as a probability of the
same person) is that of the highest accuracy on the validation pairs. Brackets are 95 % Wilson
intervals.

{markdown(columns, rows)}

One of {ways} people, each known by one image, is recognised in
{evaluation["one_shot"][f"{ways}_way"]["accuracy"]:.1%} of the trials.

## Intended use

Research on face verification and on one-shot learning; a baseline to compare with.
`siamese verify a.jpg b.jpg` asks it, `--far` sets the share of different persons that may be
accepted.

## Out of scope

Decisions about people: access, policing, employment, credit. It was trained on few people; networks
trained on millions of images err several times less often.
{FOLDER_PURPOSE if own else LFW_PURPOSE}

## Limits and bias

{FOLDER_LIMITS if own else LFW_LIMITS}

## Source

G. Koch, R. Zemel, R. Salakhutdinov, *Siamese Neural Networks for One-shot Image Recognition*
(2015).{"" if own else f" {LFW_SOURCE}"} This card is written by `siamese card` from the run's own
figures.
"""


def _name(params: Parameters) -> str:
    data = "folder" if params.dataset == FOLDER else "lfw"
    return f"siamese-{data}-{params.recipe}"


def _images(params: Parameters) -> str:
    if params.dataset == FOLDER:
        return f"Photographs of a folder, {folder_name(params.folder)}"
    return DATASETS[params.dataset]


def _header(params: Parameters, images: str, evaluation: dict[str, Any]) -> dict[str, Any]:
    test = evaluation["test"]
    metrics = [
        {"type": "accuracy", "value": round(test["accuracy_at_threshold"], 4)},
        {"type": "roc_auc", "value": round(test["auc"], 4)},
    ]
    return {
        "license": "mit",
        "library_name": "pytorch",
        "tags": ["face-verification", "siamese-network", "one-shot-learning"],
        "datasets": [params.dataset],
        "metrics": [each["type"] for each in metrics],
        "model-index": [
            {
                "name": _name(params),
                "results": [
                    {
                        "task": {"type": "face-verification"},
                        "dataset": {
                            "type": params.dataset,
                            "name": images if params.dataset == FOLDER else f"{images}: View 1",
                            "split": "test",
                        },
                        "metrics": metrics,
                    }
                ],
            }
        ],
    }
