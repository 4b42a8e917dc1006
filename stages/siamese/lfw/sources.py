"""Facts of Labeled Faces in the Wild: its files, their checksums, and where they are found.

Source: https://umass-vis-lfw.github.io, the site of the data set since vis-www.cs.umass.edu ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SITE = "https://umass-vis-lfw.github.io"
REPOSITORY = "umass-vis-lfw/umass-vis-lfw.github.io"
COMMIT = "2a620cd8cceb10430f8c7012fe9fa5f0837759e9"
SITE_ARCHIVE = f"umass-vis-lfw.github.io-{COMMIT}.tar.gz"


@dataclass(frozen=True)
class Variant:
    """One alignment of the images, proved by its fingerprint or else by its archive's SHA-256.

    Attributes:
        archives: names of the archives that hold the images, each with the folder that has them
            (None: they are all that is in it).
        sha256: SHA-256 of the archive as published; None where only an MD5 was.
        fingerprint: see `siamese.archive.fingerprint`; None where unknown.
        images: number of images.
        people: number of people.
    """

    archives: Mapping[str, str | None]
    sha256: str | None
    fingerprint: str | None
    images: int = 13_233
    people: int = 5_749


VARIANTS = {
    "lfw-deepfunneled": Variant(
        archives={"lfw-deepfunneled.tgz": None, SITE_ARCHIVE: "images_deepfunneled"},
        sha256=None,
        fingerprint="996eec2a2b1b81a73b4f41095df479d820530f1a19654cc79dc4a0b0ff8103e5",
    ),
    "lfw": Variant(
        archives={"lfw.tgz": None},
        sha256="055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0",
        fingerprint="7a8b344160490622ea8a79744506da227de99bcf03010a03a72d460df2137b1c",
    ),
    "lfw-funneled": Variant(
        archives={"lfw-funneled.tgz": None},
        sha256="b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a",
        fingerprint=None,
    ),
}

# SHA-256 of the protocol's texts. They circulate in variants, so every byte counts.
TEXTS = {
    "pairs.txt": "ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592",
    "pairsDevTrain.txt": "1d454dada7dfeca0e7eab6f65dc4e97a6312d44cf142207be28d688be92aabfa",
    "pairsDevTest.txt": "7cb06600ea8b2814ac26e946201cdb304296262aad67d046a16a7ec85d0ff87c",
    "people.txt": "bc8fa2b7f25c895cf7efb6de4f4fc27ca8b8d1cfa63350ad8b96eae2b198d365",
    "peopleDevTrain.txt": "2e58df13ba4cc143189336e001cc2c195f1dfa5b29a6475c02857be353c2a2fa",
    "peopleDevTest.txt": "c3ed1f90499473401542101a56c14c1d82396bb8218c67a356d7460601047555",
}

FIGSHARE = {
    "lfw.tgz": 5976018,
    "lfw-funneled.tgz": 5976015,
    "pairs.txt": 5976006,
    "pairsDevTrain.txt": 5976012,
    "pairsDevTest.txt": 5976009,
}
GOOGLE_DRIVE = {
    "lfw.tgz": "1Gt79NTiLUwavuCn5I-wTZO2kv7FT5uQd",
    "lfw-funneled.tgz": "1ucy6Caf4xdc3KZh8CwIuAvR91OZjndCV",
    "lfw-deepfunneled.tgz": "1qqNse-0j3LYdgXnspgaKP2iTgYWXU9oT",
}


def sources(name: str, mirror: str | None = None) -> list[str]:
    """Return where the file `name` may be found, best first: local paths and URLs.

    Args:
        name: official file name of an archive or text, or SITE_ARCHIVE.
        mirror: folder or http(s) URL that holds files under these names, or see `_local`; comes
            first.
    """
    places = []
    if mirror:
        places = [f"{mirror.rstrip('/')}/{name}"]
        if not mirror.startswith(("http://", "https://")):
            places = _local(name, Path(mirror))
    if name in FIGSHARE:
        places.append(f"https://ndownloader.figshare.com/files/{FIGSHARE[name]}")
    if name in GOOGLE_DRIVE:
        # confirm=t answers the page that asks whether to download a file too large to scan.
        places.append(
            "https://drive.usercontent.google.com/download"
            f"?id={GOOGLE_DRIVE[name]}&export=download&confirm=t"
        )
    if name in TEXTS:
        places.append(f"{SITE}/{name}")
        places.append(f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/{name}")
    if name == SITE_ARCHIVE:
        places.append(f"https://codeload.github.com/{REPOSITORY}/tar.gz/{COMMIT}")
    return places


def _local(name: str, mirror: Path) -> list[str]:
    """Return where a local mirror has a file, or the images of an archive in another form.

    The images may also be unpacked, in a folder of the archive's name or in the mirror itself, or
    in a zip archive; and the mirror may be an archive, with the texts in it or beside it.
    """
    official = (mirror.parent if mirror.is_file() else mirror) / name
    others: list[Path] = []
    if mirror.is_file():
        others = [mirror] if name not in TEXTS or mirror.suffix == ".zip" else []
    elif name not in (*TEXTS, SITE_ARCHIVE):
        stem = name.removesuffix(".tgz")
        folders = dict.fromkeys((stem, stem.replace("-", "_")))  # lfw-funneled.tgz has the last
        others = [mirror / f"{stem}.zip", *(mirror / folder for folder in folders), mirror]
    found = [place for place in (official, *others) if place.exists()]
    return [str(place) for place in found or [official]]
