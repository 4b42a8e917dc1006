"""A small stand-in for Labeled Faces in the Wild: drawn faces of invented people.

Identity lies in shapes and tones (head, hair, brows, eyes, nose, mouth, beard, glasses); pose,
light, expression, clothes, background and noise vary from image to image. It lets the whole
pipeline run, and learn, in minutes and without the real images. Its figures say nothing about
real faces.
"""

import io
import math
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

SIZE = 250
SUPERSAMPLING = 2
FOLDS = 10
DEV_TRAIN_PEOPLE, DEV_TEST_PEOPLE = 80, 40
# Of the same person, and as many of different people; few, for a training of minutes on a CPU.
DEV_TRAIN_PAIRS, DEV_TEST_PAIRS, FOLD_PAIRS = 64, 80, 5
IMAGES_PER_PERSON = (1, 2, 2, 3, 3, 4)  # each as likely; as in LFW, some have one image only

FIRST_NAMES = (
    "Ada Bruno Clara Dario Elsa Felix Greta Hugo Iris Jonas Karla Leo Mina Nils Olga Paul Quinn "
    "Rosa Silas Tilda Ugo Vera Wanda Xeno"
).split()
LAST_NAMES = "Drawn Imaginary Invented Pixel Synthetic".split()

BLACK, BROWN, CHESTNUT = (28, 22, 20), (66, 42, 28), (120, 76, 42)
RED, BLOND, GREY = (150, 66, 34), (214, 178, 112), (186, 184, 182)
HAIR_COLOURS = (BLACK, BROWN, CHESTNUT, RED, BLOND, GREY)
LIGHT_SKIN, DARK_SKIN = np.array((250, 216, 190)), np.array((96, 62, 46))

Points = NDArray[np.float64]  # (n, 2)
Colour = NDArray[np.float64]  # (3,): red, green, blue, 0 to 255
People = dict[str, int]  # name → number of images
Pair = tuple[str, int, str, int]


@dataclass(frozen=True)
class Dataset:
    """Images and protocol files in LFW's layout and formats.

    Attributes:
        images: NAME/NAME_0001.jpg → JPEG, RGB, 250×250 pixels.
        texts: official name of each of the six protocol files → its content.
    """

    images: dict[str, bytes]
    texts: dict[str, str]


def make(seed: int = 0) -> Dataset:
    """Return the dataset that `seed` determines; the same machine gives the same bytes."""
    rng = np.random.default_rng(seed)
    names = [f"{first}_{last}" for first, last in product(FIRST_NAMES, LAST_NAMES)]
    names = [str(name) for name in rng.permutation(names)]
    counts = {name: int(rng.choice(IMAGES_PER_PERSON)) for name in names}
    train = {name: counts[name] for name in sorted(names[:DEV_TRAIN_PEOPLE])}
    test = {name: counts[name] for name in sorted(names[DEV_TRAIN_PEOPLE:])}
    shuffled = [str(name) for name in rng.permutation(names)]
    folds = [{name: counts[name] for name in sorted(shuffled[k::FOLDS])} for k in range(FOLDS)]
    texts = {
        "pairsDevTrain.txt": f"{DEV_TRAIN_PAIRS}\n" + _pairs(rng, train, DEV_TRAIN_PAIRS),
        "pairsDevTest.txt": f"{DEV_TEST_PAIRS}\n" + _pairs(rng, test, DEV_TEST_PAIRS),
        "pairs.txt": f"{FOLDS}\t{FOLD_PAIRS}\n"
        + "".join(_pairs(rng, fold, FOLD_PAIRS) for fold in folds),
        "peopleDevTrain.txt": _people(train),
        "peopleDevTest.txt": _people(test),
        "people.txt": f"{FOLDS}\n" + "".join(map(_people, folds)),
    }
    images = {}
    for name in sorted(names):
        person = Person.sample(rng)
        for number in range(1, counts[name] + 1):
            images[f"{name}/{name}_{number:04}.jpg"] = _photograph(person, rng)
    return Dataset(images, texts)


def _people(people: People) -> str:
    return f"{len(people)}\n" + "".join(f"{name}\t{count}\n" for name, count in people.items())


def _pairs(rng: np.random.Generator, people: People, count: int) -> str:
    """Return the lines of `count` pairs of the same person, then of `count` of different people."""
    same = [
        (name, *numbers)
        for name, images in people.items()
        for numbers in combinations(range(1, images + 1), 2)
    ]
    chosen = sorted(rng.choice(len(same), count, replace=False))
    lines = ["{}\t{}\t{}\n".format(*same[index]) for index in chosen]
    different: set[Pair] = set()
    while len(different) < count:
        first, second = sorted(str(name) for name in rng.choice(list(people), 2, replace=False))
        i, j = rng.integers(1, (people[first] + 1, people[second] + 1))
        different.add((first, int(i), second, int(j)))
    return "".join(lines + ["{}\t{}\t{}\t{}\n".format(*pair) for pair in sorted(different)])


@dataclass(frozen=True)
class Person:
    """What stays the same in all images of a person; lengths in half heights of the face."""

    skin: Colour
    hair: Colour
    iris: Colour
    width: float
    squareness: float
    taper: float
    volume: float
    hair_end: float
    hairline: float
    parting: float
    slant: float
    ears: float
    eyes_apart: float
    eye_size: float
    brow_height: float
    brow_thickness: float
    brow_tilt: float
    nose_length: float
    nose_width: float
    mouth_width: float
    lips: float
    beard: bool
    moustache: bool
    glasses: bool

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Person":
        """Return a person drawn at random."""
        u = rng.uniform
        skin = LIGHT_SKIN + u() * (DARK_SKIN - LIGHT_SKIN)
        return cls(
            skin=skin,
            hair=rng.choice(HAIR_COLOURS) + u(-12, 12),
            iris=rng.choice(((60, 40, 25), (70, 110, 150), (80, 110, 70))).astype(float),
            width=u(0.62, 0.86),
            squareness=u(1.9, 2.9),
            taper=u(0, 0.35),
            volume=u(0.02, 0.32),
            hair_end=rng.choice((0.0, 0.2, 0.9, 1.5)) + u(-0.1, 0.1),
            hairline=u(-0.85, -0.4),
            parting=u(-0.1, 0.35),
            slant=u(-0.2, 0.2),
            ears=u(0.08, 0.2),
            eyes_apart=u(0.27, 0.4),
            eye_size=u(0.09, 0.15),
            brow_height=u(0.17, 0.28),
            brow_thickness=u(0.03, 0.1),
            brow_tilt=u(-0.06, 0.08),
            nose_length=u(0.22, 0.42),
            nose_width=u(0.08, 0.19),
            mouth_width=u(0.2, 0.38),
            lips=u(0.03, 0.09),
            beard=u() < 0.25,
            moustache=u() < 0.25,
            glasses=u() < 0.25,
        )


class _Canvas:
    """Draws shapes given in the face's own coordinates: origin between chin and crown, y down."""

    def __init__(self, rng: np.random.Generator) -> None:
        side = SIZE * SUPERSAMPLING
        self.yaw = rng.uniform(-0.25, 0.25)
        self.scale = side * rng.uniform(0.32, 0.35)
        self.centre = side * (0.5 + rng.uniform(-0.02, 0.02, 2))
        roll = rng.uniform(-0.1, 0.1)
        self.rotation = np.array(
            ((math.cos(roll), math.sin(roll)), (-math.sin(roll), math.cos(roll)))
        )
        background = tuple(rng.integers(110, 190, 3).tolist())
        self.image = Image.new("RGB", (side, side), background)
        self.draw = ImageDraw.Draw(self.image)

    def _place(self, points: Points, depth: float) -> list[float]:
        x, y = points.T
        turned = np.stack((x * math.cos(self.yaw) + depth * math.sin(self.yaw), y), 1)
        placed: list[float] = (turned @ self.rotation * self.scale + self.centre).ravel().tolist()
        return placed

    def fill(self, points: Points, colour: Colour, depth: float = 0) -> None:
        """Fill a polygon (n, 2); a larger depth is nearer to the camera."""
        self.draw.polygon(self._place(points, depth), _rgb(colour))

    def line(self, points: Points, colour: Colour, width: float, depth: float = 0) -> None:
        """Draw a line through points (n, 2), `width` in the face's coordinates."""
        pixels = max(1, round(width * self.scale))
        self.draw.line(self._place(points, depth), _rgb(colour), pixels, "curve")


def _rgb(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = np.clip(colour, 0, 255).astype(int).tolist()
    return red, green, blue


def _ellipse(
    x: float, y: float, width: float, height: float, power: float = 2, start: float = 0
) -> Points:
    """Return 48 points of a superellipse with these half axes, from turn `start` to turn 1."""
    t = 2 * np.pi * np.linspace(start, 1, 48)
    c, s = np.cos(t), np.sin(t)
    c, s = np.sign(c) * abs(c) ** (2 / power), np.sign(s) * abs(s) ** (2 / power)
    return np.stack((x + width * c, y + height * s), 1)


def _curve(x: float, y: float, width: float, bend: float, tilt: float = 0) -> Points:
    """Return 16 points from left to right on a parabola whose middle is `bend` below its ends."""
    t = np.linspace(-1, 1, 16)
    return np.stack((x + width * t, y + bend * (1 - t**2) + tilt * t), 1)


def _photograph(person: Person, rng: np.random.Generator) -> bytes:
    """Return a JPEG of the person in a random pose, light and mood."""
    canvas = _Canvas(rng)
    _draw_head(canvas, person, rng)
    _draw_features(canvas, person, rng)
    blur = ImageFilter.BoxBlur(rng.uniform(0, 1))
    pixels = np.asarray(canvas.image.reduce(SUPERSAMPLING).filter(blur), dtype=np.float32)
    angle, strength, gain = rng.uniform((0, 0, 0.9), (2 * np.pi, 0.15, 1.1))
    along = np.linspace(-1, 1, SIZE, dtype=np.float32)
    light = along * math.cos(angle) + along[:, None] * math.sin(angle)
    pixels = pixels * (gain * (1 + strength * light))[..., None]
    grain = rng.standard_normal((SIZE, SIZE, 1), dtype=np.float32)
    pixels += rng.uniform(1, 6) * grain
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _draw_head(canvas: _Canvas, p: Person, rng: np.random.Generator) -> None:
    """Draw hair, shoulders, neck, ears and face."""
    crown = -1 - p.volume
    half = (p.hair_end - crown) / 2
    canvas.fill(_ellipse(0, crown + half, p.width + p.volume, half, 2.4), 0.8 * p.hair, -0.2)
    canvas.fill(_ellipse(0, 2.3, 1.3, 1.0, 3), rng.uniform(60, 180, 3))
    canvas.fill(_ellipse(0, 1.0, 0.36, 0.55, 3), 0.8 * p.skin)
    for side in (-1, 1):
        canvas.fill(_ellipse(side * p.width, 0.05, p.ears, 0.2), 0.88 * p.skin)
    face = _ellipse(0, 0, p.width, 1, p.squareness)
    face[:, 0] *= 1 - p.taper * face[:, 1].clip(0)
    canvas.fill(face, p.skin)
    if p.beard:
        jaw = face[face[:, 1] > 0.15]
        cheeks = _curve(0, 0.15, p.width, 0.22)
        canvas.fill(np.concatenate((jaw, cheeks)), 0.35 * p.skin + 0.65 * p.hair)
    scalp = _ellipse(0, 0, p.width * 1.04, 1 + p.volume, p.squareness, start=0.5)
    edge = _curve(0, p.hairline + p.parting, p.width, -p.parting, p.slant)[::-1]
    canvas.fill(np.concatenate((scalp, edge)), p.hair)


def _draw_features(canvas: _Canvas, p: Person, rng: np.random.Generator) -> None:
    """Draw eyes, brows, glasses, nose and mouth with a random expression."""
    openness, smile, gaze = rng.uniform((0.4, -0.06, -0.02), (0.75, 0.14, 0.02))
    dark, white = 0.25 * p.skin, np.full(3, 240.0)
    for side in (-1, 1):
        x = side * p.eyes_apart
        canvas.fill(_ellipse(x, -0.08, 1.25 * p.eye_size, openness * p.eye_size), white, 0.3)
        radius = 0.55 * p.eye_size
        canvas.fill(
            _ellipse(x + gaze, -0.08, radius, min(openness, 0.55) * p.eye_size), p.iris, 0.3
        )
        canvas.fill(_ellipse(x + gaze, -0.08, radius / 2, radius / 2), np.zeros(3), 0.3)
        lid = _ellipse(x, -0.08, 1.25 * p.eye_size, openness * p.eye_size, start=0.5)
        canvas.line(lid, dark, 0.025, 0.3)
        brow = _curve(x, -0.08 - p.brow_height, 1.5 * p.eye_size, -0.04, side * p.brow_tilt)
        canvas.line(brow, 0.7 * p.hair, p.brow_thickness, 0.3)
        if p.glasses:
            rim = _ellipse(x, -0.06, 0.8 * p.eyes_apart, 0.17, 3)
            canvas.line(rim, np.full(3, 25.0), 0.035, 0.35)
    tip = p.nose_length
    bridge = np.array(((-0.04, -0.05), (-p.nose_width, tip), (p.nose_width, tip), (0.04, -0.05)))
    canvas.fill(bridge, 0.92 * p.skin, 0.5)
    canvas.line(_curve(0, tip, p.nose_width, 0.06), 0.55 * p.skin, 0.03, 0.5)
    y = 0.5 + tip / 4
    if p.moustache:
        canvas.line(_curve(0, y - 0.09, p.mouth_width, -0.05), p.hair, 0.1, 0.35)
    mouth = p.mouth_width * (1 + smile)
    lips = 0.6 * p.skin + np.array((60.0, 0, 10))
    lower, upper = _curve(0, y, mouth, smile + p.lips), _curve(0, y, mouth, smile - p.lips)
    canvas.fill(np.concatenate((lower, upper[::-1])), lips, 0.3)
    canvas.line(_curve(0, y, mouth, smile), 0.5 * lips, 0.02, 0.3)
