"""What the page shows, and what happens when something on it changes."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import gradio as gr
import PIL.Image

from siamese import errors
from siamese.errors import InputError
from siamese.page import answers
from siamese.page.examples import Examples
from siamese.page.uploads import Uploads
from siamese.photos import loading
from siamese.photos.gallery import Gallery, cache_folder
from siamese.photos.verifier import (
    LARGEST,
    FaceError,
    OperatingPoint,
    Verifier,
    choose,
)

FIRST, SECOND, ASKED = "first", "second", "asked"  # places of photographs
NO_FACE_CHOSEN = gr.Radio([], value=None, visible=False)
INTRODUCTION = """## Do two photographs show the same person?
They stay on this machine, in memory: their files are deleted as soon as the answer is given."""
Answer = tuple[str, Any, Any]


class Page:
    """The page.

    Args:
        verifier: that is asked.
        uploads: photographs that open pages hold.
        drawn: drawn faces, as soon as they are there.
        gallery: folder that the page starts with, or None.
        keep: keep a gallery's embeddings in the user's cache.
    """

    def __init__(
        self,
        verifier: Verifier,
        uploads: Uploads,
        drawn: "Future[Examples]",
        gallery: Path | None,
        keep: bool,
    ) -> None:
        self.verifier, self.uploads, self.drawn = verifier, uploads, drawn
        self.gallery, self.keep = gallery, keep
        self._one = threading.Lock()  # question at a time

    def build(self) -> gr.Blocks:
        """Return the page, not yet served."""
        # Uploads that are never asked about are deleted after ten minutes.
        blocks: gr.Blocks = gr.Blocks(
            title="siamese", analytics_enabled=False, delete_cache=(60, 600)
        )
        with blocks:
            gr.Markdown(INTRODUCTION)
            with gr.Tab("Two photographs"):
                self._verify()
            with gr.Tab("A gallery of people"):
                self._identify()
            blocks.unload(self._forget)
        # Gradio has it set by `launch`, and checks only then that a path is that of an upload.
        blocks.has_launched = True
        return blocks

    def _verify(self) -> None:
        photos, faces = [], []
        with gr.Row():
            for place in (FIRST, SECOND):
                with gr.Column(min_width=240):
                    photos.append(_photograph(f"{place} photograph"))
                    faces.append(
                        gr.Radio([], label=f"face of the {place} photograph", visible=False)
                    )
            with gr.Column(min_width=240):
                threshold = self._threshold("verification-threshold")
                button = gr.Button("Compare", variant="primary")
                same = gr.Button("Try drawn faces: the same person", size="sm")
                different = gr.Button("Try drawn faces: different persons", size="sm")
        answer = gr.HTML(elem_id="verification")
        asked = {"inputs": [*faces, threshold], "outputs": [answer, *faces]}
        _on(button.click, self.verify, **asked)
        for event in (threshold.input, *(face.input for face in faces)):
            _on(event, self.verify, **asked, trigger_mode="always_last")
        for photo, place, face in zip(photos, (FIRST, SECOND), faces, strict=True):
            _on_file(photo.input, self._take(place), [photo], [answer, face])
        for example, name in ((same, "same"), (different, "different")):
            shown = _on(example.click, self._show("first", name), outputs=photos)
            for photo, place, face in zip(photos, (FIRST, SECOND), faces, strict=True):
                shown = _on_file(shown.then, self._take(place), [photo], [answer, face])
            _on(shown.then, self.verify, **asked)

    def _identify(self) -> None:
        where = f"in {cache_folder()}" if self.keep else "nowhere"
        with gr.Row():
            photo = _photograph("photograph")
            with gr.Column():
                folder = gr.Textbox(
                    str(self.gallery or ""),
                    label="gallery",
                    info="a folder on this machine, with a folder for each person, or a file for "
                    f"each; its embeddings are kept {where}",
                    elem_id="gallery",
                )
                threshold = self._threshold("identification-threshold")
                button = gr.Button("Identify", variant="primary")
                example = gr.Button("Try drawn faces", size="sm")
        answer = gr.HTML(elem_id="identification")
        asked = {"inputs": [folder, threshold], "outputs": [answer]}
        _on(button.click, self.identify, **asked)
        _on(threshold.input, self.identify, **asked, trigger_mode="always_last")
        taken = [photo], [answer, gr.State()]  # no face is chosen: all are answered for
        _on_file(photo.input, self._take(ASKED), *taken)
        shown = _on(example.click, self._show("first", "gallery"), outputs=[photo, folder])
        shown = _on_file(shown.then, self._take(ASKED), *taken)
        _on(shown.then, self.identify, **asked)

    def _threshold(self, name: str) -> gr.Slider:
        return gr.Slider(
            0,
            100,
            value=self._default,
            step=0.1,
            label="threshold, %",
            info="the probability above which it is the same person",
            elem_id=name,
        )

    @property
    def _default(self) -> float:
        return round(100 * self.verifier.default().probability, 1)

    def _point(self, percent: float) -> OperatingPoint:
        if percent == self._default:  # which is rounded
            return self.verifier.default()
        return self.verifier.at_probability(percent / 100)

    def verify(
        self, first: str | None, second: str | None, threshold: float, request: gr.Request
    ) -> Answer:
        """Return the answer, and which faces are to be chosen from.

        Args:
            first: which face of the first photograph, where it has several.
            second: likewise.
            threshold: a probability of the same person, in percent.
            request: of the open page.
        """
        with self._one:
            return self._verified(_page(request), (first, second), threshold)

    def _verified(
        self, page: str, chosen: tuple[str | None, str | None], threshold: float
    ) -> Answer:
        portraits, crops, reasons, pictures = [], [], [], []
        choices: list[Any] = [gr.skip(), gr.skip()]
        for number, (place, which) in enumerate(zip((FIRST, SECOND), chosen, strict=True)):
            try:
                photo, name = self._load(page, place)
                faces = self.verifier.find(photo)
                try:
                    portrait = self.verifier.embed(name, photo, choose(faces, _face(which), name))
                except FaceError as error:
                    reasons.append(error.reason)
                    if error.faces:
                        reasons[-1] += f"; choose the face of the {place} photograph"
                        pictures.append(answers.boxes(photo, error.faces, name))
                        numbers = [str(each) for each in range(1, len(error.faces) + 1)]
                        choices[number] = gr.Radio([LARGEST, *numbers], visible=True)
                else:
                    portraits.append(portrait)
                    crops.append(answers.crop(photo, portrait, self.verifier, f"{place}, aligned"))
            except InputError as error:
                reasons.append(str(error))
        self.uploads.delete_files(page)
        if reasons:
            return answers.error(reasons, pictures), *choices
        answer = self.verifier.compare(portraits[0], portraits[1], self._point(threshold))
        return answers.verification(answer, crops, self.verifier.training), *choices

    def identify(self, folder: str, threshold: float, request: gr.Request) -> str:
        """Return who of the gallery the faces of the photograph may be.

        Args:
            folder: of the gallery.
            threshold: a probability of the same person, in percent.
            request: of the open page.
        """
        with self._one:
            return self._identified(_page(request), folder, self._point(threshold))

    def _identified(self, page: str, folder: str, point: OperatingPoint) -> str:
        verifier = self.verifier
        try:
            photo, name = self._load(page, ASKED)
            if not folder.strip():
                raise InputError("name the folder of a gallery")
            gallery = Gallery.read(Path(folder.strip()).expanduser(), verifier, keep=self.keep)
            found = gallery.identify_all(name, photo, verifier, point)
        except (InputError, OSError) as error:
            return answers.error([_reason(error)])
        finally:
            self.uploads.delete_files(page)
        known = [portrait for each in gallery.people.values() for portrait in each]
        warnings = [f"skipped: {reason}" for reason in gallery.skipped]
        warnings += [
            each
            for portrait in (*known, *(face.portrait for face in found))
            for each in portrait.warnings
        ]
        crops = [
            answers.crop(photo, face.portrait, verifier, f"face {number}, aligned")
            for number, face in enumerate(found, start=1)
        ]
        return answers.identification(found, crops, point, warnings, verifier.training)

    def _load(self, page: str, place: str) -> tuple[PIL.Image.Image, str]:
        """Return the photograph at a place, and its name."""
        held = self.uploads.held(page, place)
        if held is None:
            which = "photograph" if place == ASKED else f"{place} photograph"
            raise InputError(f"the {which} is missing: choose a file, or take one with the webcam")
        return loading.decode(held.content, held.name), held.name

    def _take(self, place: str) -> Callable[..., tuple[str, Any]]:
        """Return what holds an upload; the answer and the choice of a face were another's."""

        def take(upload: dict[str, Any] | None, request: gr.Request) -> tuple[str, Any]:
            try:
                self.uploads.take(_page(request), place, upload)
            except InputError as error:
                return answers.error([str(error)]), NO_FACE_CHOSEN
            return "", NO_FACE_CHOSEN

        return take

    def _show(self, *names: str) -> Callable[[], list[str]]:
        """Return what gives the paths of drawn faces."""
        return lambda: [getattr(self.drawn.result(), name) for name in names]

    def _forget(self, request: gr.Request) -> None:
        self.uploads.forget(_page(request))


def _photograph(label: str) -> gr.Image:
    return gr.Image(
        label=label,
        sources=["upload", "webcam", "clipboard"],
        type="filepath",
        image_mode=None,
        buttons=[],
        height=280,
        webcam_options=gr.WebcamOptions(mirror=False),
        elem_id=label.replace(" ", "-"),
    )


def _on(event: Callable[..., Any], function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function on an event.

    In a request of its own: Gradio's queue loses an event that comes as the one before it ends.
    """
    return event(function, *args, queue=False, api_visibility="private", **kwargs)


def _on_file(event: Callable[..., Any], function: Callable[..., Any], *args: Any) -> Any:
    """Call a function with a photograph's file as it is: the project's own loader reads it."""
    return _on(event, function, *args, preprocess=False)


def _reason(error: InputError | OSError) -> str:
    """Return why there is no answer, without what helps on a command line only."""
    if isinstance(error, FaceError):
        return error.reason
    return errors.describe(error) if isinstance(error, OSError) else str(error)


def _face(which: str | None) -> str | int | None:
    return int(which) if which is not None and which.isdecimal() else which


def _page(request: gr.Request) -> str:
    return str(request.session_hash)
