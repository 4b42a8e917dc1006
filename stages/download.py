"""Images and protocol, fetched and verified: data/images.tar, data/images.csv, data/protocol."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from siamese import atomic, errors, parameters
from siamese.dataset import tables
from siamese.dataset.protocol import Face
from siamese.errors import InputError
from siamese.lfw import archive, drawn_faces, sources
from siamese.lfw.fetching import fetch

PARAMS = Path("params.yaml")


def read_text(name: str, path: Path) -> str:
    """Return an official text; raise InputError if a single byte of it differs."""
    if _sha256(path) != sources.TEXTS[name]:
        raise InputError(f"{path}: not {name} as published (SHA-256 differs)")
    return path.read_bytes().decode()


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
    dataset: str,
    mirror: str | None,
    downloads: Path,
    images_path: Path,
    index_path: Path,
    protocol_folder: Path,
) -> None:
    """Store a data set's images as one tar archive and its protocol's texts in a folder.

    Args:
        dataset: "synthetic" or one of `sources.VARIANTS`.
        mirror: folder or URL that holds the files under their official names, tried first.
        downloads: folder where downloads are kept.
        images_path: tar archive to write, see `archive.pack`.
        index_path: CSV to write, whom each image of the archive shows.
        protocol_folder: folder to write the texts to.

    Raises:
        InputError: the data set is unknown, or no source gives its files; nothing is written.
    """
    if dataset == "synthetic":
        made = drawn_faces.make()
        images, texts = made.images, made.texts
        source, text_sources = "here (synthetic)", {"here"}
    elif dataset in sources.VARIANTS:
        variant, texts, text_sources = sources.VARIANTS[dataset], {}, set()
        for name in sources.TEXTS:
            texts[name], source = fetch({name: sources.sources(name, mirror)}, downloads, read_text)
            text_sources.add(source.removesuffix(f"/{name}"))
        files = {name: sources.sources(name, mirror) for name in variant.archives}
        images, source = fetch(files, downloads, partial(read_archive, variant))
    else:
        choices = ", ".join(["synthetic", *sources.VARIANTS])
        raise InputError(f"dataset: {dataset!r} is not one of {choices}")

    archive.pack(images, images_path)
    tables.write_index([Face.of(name) for name in sorted(images)], index_path)
    write_texts(texts, protocol_folder)
    print(f"{len(images):,} images from {source}")
    print(f"{len(texts)} protocol texts from {', '.join(sorted(text_sources))}")


def project(workspace: Path) -> Path:
    """Return the project's folder, also for a run in a copy of its own.

    `dvc exp run --temp` and the queue work in copies below .dvc/tmp/exps, which DVC deletes. What
    one of them has fetched is kept in the project: it serves the others, and the next attempt.
    """
    for folder in workspace.parents:
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2]
    return workspace


def absolute(mirror: str | None, folder: Path) -> str | None:
    """Return a mirror as it is if it is a URL, or else as a path from a folder."""
    if not mirror or mirror.startswith(("http://", "https://")):
        return mirror or None
    return str(folder / Path(mirror).expanduser())


def main() -> None:
    """Run the stage as params.yaml and LFW_MIRROR say."""
    folder = project(Path.cwd())
    download(
        dataset=parameters.read(PARAMS).dataset,
        mirror=absolute(os.environ.get("LFW_MIRROR"), folder),
        downloads=folder / ".downloads",
        images_path=Path("data/images.tar"),
        index_path=Path("data/images.csv"),
        protocol_folder=Path("data/protocol"),
    )


if __name__ == "__main__":
    errors.run(main)
