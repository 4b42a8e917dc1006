"""Answers and errors as HTML; pictures are part of it, so that no file is written."""

import base64
import io
from collections.abc import Sequence
from html import escape

import PIL.Image
import PIL.ImageDraw

from siamese.photos.detection import Face
from siamese.photos.framing import frame
from siamese.photos.gallery import UNKNOWN, Identification
from siamese.photos.verifier import OperatingPoint, Portrait, Verification, Verifier

TOP = 3  # people to name for a face
WIDEST = 480  # pixels of a picture that shows where faces are
MARK = (255, 140, 0)


def error(reasons: Sequence[str], pictures: Sequence[str] = ()) -> str:
    """Return why there is no answer.

    Args:
        reasons: each a sentence.
        pictures: HTML that shows what they are about.
    """
    lines = "".join(f"<p>{escape(reason)}</p>" for reason in reasons)
    return f'<div class="answer error" role="alert">{lines}{"".join(pictures)}</div>'


def verification(answer: Verification, crops: Sequence[str], training: str) -> str:
    """Return the answer to whether two photographs show the same person.

    Args:
        answer: of the verifier.
        crops: pictures of what the network sees of each photograph.
        training: what the network was trained on, for a person to read.
    """
    kind = "same" if answer.verified else "different"
    threshold = answer.threshold.probability
    return (
        f'<div class="answer {kind}"><div class="crops">{"".join(crops)}</div>'
        f'<div class="words"><p class="verdict">{answer.verdict}</p>'
        f'<p>probability of the same person <b class="probability">{answer.probability:.1%}</b>'
        f", threshold {threshold:.1%}</p>{_bar(answer.probability, threshold)}"
        f"{_rates(answer.threshold)}{_warnings(answer.warnings)}{_network(training)}</div></div>"
    )


def identification(
    found: Sequence[Identification],
    crops: Sequence[str],
    point: OperatingPoint,
    warnings: Sequence[str],
    training: str,
) -> str:
    """Return who the faces of a photograph may be.

    Args:
        found: for each face.
        crops: pictures of what the network sees of each face.
        point: the threshold.
        warnings: of the gallery and of the faces.
        training: what the network was trained on, for a person to read.
    """
    faces = []
    for each, crop in zip(found, crops, strict=True):
        rows = "".join(
            f"<tr><td>{escape(candidate.name)}</td><td>{candidate.probability:.1%}</td>"
            f"<td>{_bar(candidate.probability, point.probability)}</td></tr>"
            for candidate in each.candidates[:TOP]
        )
        kind = "different" if each.name == UNKNOWN else "same"
        faces.append(
            f'<div class="answer {kind}"><div class="crops">{crop}</div><div class="words">'
            f'<p class="verdict">{escape(each.name)}</p><table><tr><th>person</th>'
            f"<th>probability</th><th></th></tr>{rows}</table></div></div>"
        )
    return (
        f"{''.join(faces)}<p>threshold {point.probability:.1%}</p>"
        f"{_rates(point)}{_warnings(warnings)}{_network(training)}"
    )


def crop(photo: PIL.Image.Image, portrait: Portrait, verifier: Verifier, caption: str) -> str:
    """Return a picture of what the network sees of a face: framed and aligned."""
    model = verifier.model
    framed = frame(photo, portrait.face, model.settings.image, model.aligner)
    return _picture(PIL.Image.fromarray(framed.pixels), "PNG", caption)


def boxes(photo: PIL.Image.Image, faces: Sequence[Face], caption: str) -> str:
    """Return a picture of a photograph with a number at each face."""
    scale = min(1.0, WIDEST / max(photo.size))
    shown = photo.resize([max(1, round(side * scale)) for side in photo.size])
    draw = PIL.ImageDraw.Draw(shown)
    for number, face in enumerate(faces, start=1):
        left, top, width, height = (side * scale for side in face.box)
        draw.rectangle((left, top, left + width, top + height), outline=MARK, width=3)
        draw.text((left + 6, top + 4), str(number), MARK, font_size=24, stroke_width=1)
    return _picture(shown, "JPEG", caption)


def _picture(image: PIL.Image.Image, format_: str, caption: str) -> str:
    file = io.BytesIO()
    image.save(file, format_)
    data = base64.b64encode(file.getvalue()).decode()
    caption = escape(caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/{format_.lower()};base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _bar(probability: float, threshold: float) -> str:
    """Return a probability as a bar, with a line at the threshold."""
    return (
        f'<div class="bar"><div class="part" style="width:{probability:.1%}"></div>'
        f'<div class="line" style="left:{threshold:.1%}"></div></div>'
    )


def _rates(point: OperatingPoint) -> str:
    if point.false_accept_rate is None or point.false_reject_rate is None:
        return "<p>The model file has no validation scores: its error rates are not known.</p>"
    different, same = point.pairs
    return (
        "<table><tr><th>at this threshold, on validation people</th><th></th></tr>"
        "<tr><td>false accept rate: different persons taken for the same</td>"
        f'<td class="far">{point.false_accept_rate:.1%}</td></tr>'
        "<tr><td>false reject rate: the same person taken for different ones</td>"
        f'<td class="frr">{point.false_reject_rate:.1%}</td></tr></table>'
        f'<p class="note">of {different:,} and {same:,} pairs of validation people</p>'
    )


def _warnings(warnings: Sequence[str]) -> str:
    lines = "".join(f"<li>{escape(warning)}</li>" for warning in warnings)
    return f'<ul class="warnings">{lines}</ul>' if lines else ""


def _network(training: str) -> str:
    return f'<p class="note">network: {escape(training)}</p>'
