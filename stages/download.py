"""Images and lists, fetched or read, verified: data/images.tar, data/images.csv, data/protocol."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from siamese import atomic, errors, parameters
from siamese.dataset import archive, people, tables
from siamese.dataset.protocol import Face
from siamese.errors import InputError
from siamese.folder import collection, division
from siamese.folder.source import locate
from siamese.lfw import drawn_faces, sources
from siamese.lfw.fetching import fetch
from siamese.parameters import FOLDER, Parameters
from siamese.project import absolute, project

PARAMS = Path("params.yaml")


def read_text(name: str, path: Path) -> str:
    """Return an official text, of a file or zip archive.

    Raises:
        InputError: a single byte of it differs, or the archive has none.
    """
    content = _in_archive(name, path) if archive.is_zip(path) else path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sources.TEXTS[name]:
        raise InputError(f"{path}: not {name} as published (SHA-256 differs)")
    return content.decode()


def _in_archive(name: str, path: Path) -> bytes:
    for member in archive.members(path):
        if member.name.rpartition("/")[2] == name and member.size < archive.IMAGE_BYTES:
            return member.read()
    raise InputError(f"{name} is neither in it nor beside it")


def read_archive(variant: sources.Variant, name: str, path: Path) -> dict[str, bytes]:
    """Return the images of a variant; raise InputError if they are not exactly those of LFW."""
    images = dict(archive.read_images(path, variant.archives[name]))
    people = len({image.split("/")[0] for image in images})
    if (len(images), people) != (variant.images, variant.people):
        raise InputError(
            f"{path}: {len(images):,} images of {people:,} people, "
            f"not {variant.images:,} of {variant.people:,}"
        )
    if variant.fingerprint is not None and archive.fingerprint(images) != variant.fingerprint:
        raise InputError(f"{path}: some images are not those of LFW (fingerprint differs)")
    if variant.fingerprint is None and path.is_dir():
        raise InputError(f"{path}: only the published {name} can be verified, not unpacked images")
    if variant.fingerprint is None and _sha256(path) != variant.sha256:
        raise InputError(f"{path}: not the archive as published (SHA-256 differs)")
    return images


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_texts(texts: Mapping[str, str], folder: Path) -> None:
    """Write texts by file name to a folder that appears whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        whole = Path(temporary) / folder.name
        whole.mkdir()
        for name, text in texts.items():
            with atomic.writing(whole / name) as partial:
                partial.write_text(text, encoding="utf-8", newline="")
        if folder.exists():
            shutil.rmtree(folder)
        whole.rename(folder)


def download(
    params: Parameters,
    mirror: str | None,
    downloads: Path,
    workspace: Path,
) -> None:
    """Store a data set's images as one tar archive and its lists in a folder, below data/.

    Args:
        params: dataset, and where it is "folder" which one, and how its people are divided.
        mirror: folder or URL that holds LFW's files, see `sources.sources`; tried first.
        downloads: folder where downloads are kept.
        workspace: the folder that holds data/.

    Raises:
        InputError: the data set is unknown, or no source gives its files, or those of a folder
            cannot be used; nothing is written but the list of files that are rejected.
    """
    data, dataset = workspace / "data", params.dataset
    images_path, rejected_path = data / "images.tar", data / "rejected.csv"
    if dataset == FOLDER:
        path = locate(params.folder or "", workspace.resolve())
        counts = collection.collect(path, params.people, images_path, rejected_path)
        texts = division.divide(counts, params.people)
        faces = people.faces_of_people(counts)
        source, text_sources = str(path), {"here"}
    else:
        images, texts, source, text_sources = published(dataset, mirror, downloads)
        archive.pack(images, images_path)
        faces = [Face.of(name) for name in sorted(images)]
        atomic.write_csv(rejected_path, collection.Rejected._fields, [])
    tables.write_index(faces, data / "images.csv")
    write_texts(texts, data / "protocol")
    print(f"{len(faces):,} images from {source}")
    if dataset == FOLDER:
        print(told(counts, rejected_path))
    print(f"{len(texts)} protocol texts from {', '.join(sorted(text_sources))}")


def published(
    dataset: str, mirror: str | None, downloads: Path
) -> tuple[Mapping[str, bytes], dict[str, str], str, set[str]]:
    """Return images and texts of LFW or of the drawn faces, and where both were found."""
    if dataset == "synthetic":
        made = drawn_faces.make()
        return made.images, made.texts, "here (synthetic)", {"here"}
    if dataset not in sources.VARIANTS:
        choices = ", ".join(["synthetic", FOLDER, *sources.VARIANTS])
        raise InputError(f"dataset: {dataset!r} is not one of {choices}")
    variant, texts, text_sources = sources.VARIANTS[dataset], {}, set()
    for name in sources.TEXTS:
        texts[name], source = fetch({name: sources.sources(name, mirror)}, downloads, read_text)
        text_sources.add(source.removesuffix(f"/{name}"))
    files = {name: sources.sources(name, mirror) for name in variant.archives}
    images, source = fetch(files, downloads, partial(read_archive, variant))
    return images, texts, source, text_sources


def told(counts: Mapping[str, int], rejected_path: Path) -> str:
    """Return who a folder shows, and how many files were rejected, for a person to read."""
    about = people.describe(counts)
    with rejected_path.open(encoding="utf-8") as file:
        rejected = sum(1 for _ in file) - 1
    return (
        f"{about['people']:,} people, {about['people_with_one_image']:,} of them with one image; "
        f"images of a person: median {about['images_per_person_median']:g}, at most "
        f"{about['images_per_person_max']:,}; files rejected: {rejected:,} ({rejected_path})"
    )


def main() -> None:
    """Run the stage as params.yaml and LFW_MIRROR say."""
    home = project(Path.cwd())
    download(
        parameters.read(PARAMS),
        mirror=absolute(os.environ.get("LFW_MIRROR"), home),
        downloads=home / ".downloads",
        workspace=Path(),
    )


if __name__ == "__main__":
    errors.run(main)
