"""The download stage stores exactly the data set that was asked for, or nothing."""

import dataclasses
import hashlib
import os
import runpy
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import download as stage
from siamese import parameters
from siamese.dataset import archive
from siamese.errors import InputError
from siamese.lfw import drawn_faces, sources
from siamese.project import absolute, project

IMAGES = {"Ada/Ada_0001.jpg": b"one", "Ada/Ada_0002.jpg": b"two", "Bo/Bo_0001.jpg": b"three"}
TEXTS = {name: f"{name}\n1\tAda\n" for name in sources.TEXTS}
SCRIPT = Path(stage.__file__)
PARAMS = parameters.read(SCRIPT.parents[1] / "params.yaml")
REAL_MIRROR = os.environ.get("LFW_MIRROR")


def tgz(path: Path, images: dict[str, bytes]) -> None:
    archive.pack(images, path.with_suffix(".tar"))
    with tarfile.open(path, "w:gz") as file, tarfile.open(path.with_suffix(".tar")) as plain:
        for member in plain:
            content = plain.extractfile(member)
            member.name = f"lfw/{member.name}"
            file.addfile(member, content)
    path.with_suffix(".tar").unlink()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a mirror of a tiny LFW: one variant known by its images, one by its archive."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_bytes(text.encode())
    for name in ("lfw.tgz", "lfw-funneled.tgz"):
        tgz(folder / name, IMAGES)
    digests = {name: sha256(folder / name) for name in TEXTS}
    digest = sha256(folder / "lfw-funneled.tgz")
    variants = {
        "lfw": sources.Variant({"lfw.tgz": None}, None, archive.fingerprint(IMAGES), 3, 2),
        "lfw-funneled": sources.Variant({"lfw-funneled.tgz": None}, digest, None, 3, 2),
    }
    monkeypatch.setattr(sources, "TEXTS", digests)
    monkeypatch.setattr(sources, "VARIANTS", variants)
    monkeypatch.setattr(sources, "FIGSHARE", {})
    monkeypatch.setattr(sources, "GOOGLE_DRIVE", {})
    monkeypatch.setattr(sources, "SITE", str(tmp_path / "nowhere"))
    return folder


def run(mirror: Path | None, dataset: str = "lfw") -> None:
    """Run the stage in the current folder."""
    params = dataclasses.replace(PARAMS, dataset=dataset)
    stage.download(params, str(mirror) if mirror else None, Path("downloads"), Path())


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty folder the current one; return the folder of the stage's outputs."""
    monkeypatch.delenv("LFW_MIRROR", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work" / "data"


def stored(data: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    names = ["images.csv", "images.tar", "protocol", "rejected.csv"]
    assert sorted(path.name for path in data.iterdir()) == names
    assert (data / "rejected.csv").read_text() == "file,reason\n"
    texts = {path.name: path.read_bytes().decode() for path in (data / "protocol").iterdir()}
    return dict(archive.read_images(data / "images.tar")), texts


@pytest.mark.parametrize("dataset", ["lfw", "lfw-funneled"])
def test_images_and_texts_are_stored_as_published(mirror: Path, data: Path, dataset: str) -> None:
    run(mirror, dataset)
    assert stored(data) == (IMAGES, TEXTS)


def test_two_lines_say_what_came_from_where(
    mirror: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(mirror)
    assert capsys.readouterr().out.splitlines() == [
        f"3 images from {mirror / 'lfw.tgz'}",
        f"6 protocol texts from {mirror}",
    ]


def test_the_same_images_from_another_archive_give_the_same_bytes(mirror: Path, data: Path) -> None:
    run(mirror)
    first = sha256(data / "images.tar")
    tgz(mirror / "lfw.tgz", dict(reversed(IMAGES.items())))
    run(mirror)
    assert sha256(data / "images.tar") == first


def test_an_earlier_protocol_folder_is_replaced_whole(mirror: Path, data: Path) -> None:
    (data / "protocol").mkdir(parents=True)
    (data / "protocol" / "old.txt").write_text("old")
    run(mirror)
    assert stored(data) == (IMAGES, TEXTS)


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        ({name: IMAGES[name] for name in list(IMAGES)[:2]}, "2 images of 1 people, not 3 of 2"),
        (IMAGES | {"Bo/Bo_0001.jpg": b"other"}, "some images are not those of LFW"),
        (IMAGES | {"Bo/Bo_0002.jpg": b"more"}, "4 images of 2 people"),
    ],
)
def test_wrong_images_store_nothing(
    mirror: Path, data: Path, images: dict[str, bytes], reason: str
) -> None:
    tgz(mirror / "lfw.tgz", images)
    with pytest.raises(InputError, match=reason):
        run(mirror)
    assert not data.exists()


def test_an_archive_known_by_its_checksum_alone_must_have_it(mirror: Path, data: Path) -> None:
    with (mirror / "lfw-funneled.tgz").open("ab") as file:
        file.write(bytes(8))
    with pytest.raises(InputError, match="not the archive as published"):
        run(mirror, "lfw-funneled")
    assert not data.exists()


@pytest.mark.parametrize("name", sources.TEXTS)
@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + b"\n"])
def test_a_text_that_differs_in_one_byte_stores_nothing(
    mirror: Path, data: Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    (mirror / name).write_bytes(change((mirror / name).read_bytes()))
    with pytest.raises(InputError, match=f"not {name} as published"):
        run(mirror)
    assert not data.exists()


def test_without_any_source_nothing_is_stored(mirror: Path, data: Path) -> None:
    (mirror / "pairs.txt").unlink()
    with pytest.raises(InputError, match="LFW_MIRROR"):
        run(mirror)
    assert not data.exists()


def test_an_archive_of_the_site_of_lfw_will_do(
    mirror: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {"lfw.tgz": None, sources.SITE_ARCHIVE: "images_deepfunneled"}
    variant = sources.Variant(folders, None, archive.fingerprint(IMAGES), 3, 2)
    monkeypatch.setitem(sources.VARIANTS, "lfw", variant)
    (mirror / "lfw.tgz").unlink()
    tops = {"site/images": b"original", "site/images_deepfunneled": None}
    with tarfile.open(mirror / sources.SITE_ARCHIVE, "w:gz") as file:
        for top, replacement in tops.items():
            for name, content in IMAGES.items():
                path = mirror / "image"
                path.write_bytes(replacement or content)
                file.add(path, f"{top}/{name}")
    run(mirror)
    assert stored(data) == (IMAGES, TEXTS)


@pytest.mark.parametrize(
    "name", [*sources.TEXTS, "lfw.tgz", "lfw-funneled.tgz", sources.SITE_ARCHIVE]
)
def test_a_mirror_comes_before_the_public_sources(name: str) -> None:
    public = sources.sources(name)
    assert public
    assert all(source.startswith("https://") for source in public)
    assert sources.sources(name, "/mirror/") == [f"/mirror/{name}", *public]


@pytest.mark.parametrize("variant", sources.VARIANTS.values(), ids=list(sources.VARIANTS))
def test_images_have_two_public_sources_and_a_proof(variant: sources.Variant) -> None:
    assert sum(len(sources.sources(name)) for name in variant.archives) >= 2
    assert variant.fingerprint or (variant.sha256 and len(variant.archives) == 1)


def unpack(folder: Path, images: dict[str, bytes] = IMAGES) -> None:
    for name, content in images.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("inside", ["lfw", "lfw/lfw", ".", "else/where"])
def test_unpacked_images_will_do_with_any_nesting(mirror: Path, data: Path, inside: str) -> None:
    (mirror / "lfw.tgz").unlink()
    unpack(mirror / inside)
    run(mirror)
    assert stored(data) == (IMAGES, TEXTS)


def test_unpacked_images_of_another_variant_beside_them_are_not_taken(
    mirror: Path, data: Path
) -> None:
    (mirror / "lfw.tgz").unlink()
    unpack(mirror / "lfw")
    unpack(mirror / "lfw-deepfunneled", dict.fromkeys(IMAGES, b"aligned"))
    run(mirror)
    assert stored(data) == (IMAGES, TEXTS)


@pytest.mark.parametrize("texts", ["inside", "beside"])
@pytest.mark.parametrize("inside", ["lfw", "archive/lfw/lfw"])
def test_a_zip_archive_of_the_folder_will_do(
    mirror: Path, data: Path, inside: str, texts: str
) -> None:
    (mirror / "lfw.tgz").unlink()
    path = mirror / "whatever.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in IMAGES.items():
            file.writestr(f"{inside}/{name}", content)
        for name in TEXTS if texts == "inside" else ():
            file.write(mirror / name, f"{inside}/{name}")
            (mirror / name).unlink()
    run(path)
    assert stored(data) == (IMAGES, TEXTS)
    path.rename(mirror / "lfw.zip")
    if texts == "beside":
        run(mirror)


def test_a_zip_archive_without_the_texts_says_so(mirror: Path, data: Path) -> None:
    path = mirror / "kaggle" / "lfw.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in IMAGES.items():
            file.writestr(name, content)
        file.writestr("pairs.csv", "name,imagenum1")
    with pytest.raises(InputError, match="is neither in it nor beside it") as caught:
        run(path)
    assert "CSV tables of Kaggle's copy are not the texts" in str(caught.value)
    assert not data.exists()


@pytest.mark.parametrize("change", ["fewer", "other"])
def test_unpacked_images_are_verified_as_an_archive_is(
    mirror: Path, data: Path, change: str
) -> None:
    (mirror / "lfw.tgz").unlink()
    images = IMAGES | {"Bo/Bo_0001.jpg": b"other"}
    unpack(mirror / "lfw", images if change == "other" else dict(list(IMAGES.items())[:2]))
    with pytest.raises(InputError, match=r"not those of LFW|2 images of 1 people, not 3"):
        run(mirror)
    assert not data.exists()


def test_unpacked_images_that_cannot_be_verified_are_refused(mirror: Path, data: Path) -> None:
    (mirror / "lfw-funneled.tgz").unlink()
    unpack(mirror / "lfw_funneled")
    with pytest.raises(InputError, match=r"only the published lfw-funneled\.tgz can be verified"):
        run(mirror, "lfw-funneled")
    assert not data.exists()


def test_a_file_url_is_a_mirror(mirror: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose("lfw")
    monkeypatch.setenv("LFW_MIRROR", mirror.as_uri())
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert stored(data) == (IMAGES, TEXTS)


def test_an_unknown_data_set_is_named_with_the_known_ones(data: Path) -> None:
    with pytest.raises(InputError, match=r"'lwf' is not one of synthetic, folder, lfw-"):
        run(None, "lwf")
    assert not data.exists()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> drawn_faces.Dataset:
    dataset = drawn_faces.Dataset(IMAGES, TEXTS)
    monkeypatch.setattr(drawn_faces, "make", lambda: dataset)
    return dataset


def test_synthetic_images_need_no_source(
    drawn: drawn_faces.Dataset, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "fetch", None)
    run(None, "synthetic")
    assert stored(data) == (drawn.images, drawn.texts)


def choose(dataset: str) -> None:
    text = (SCRIPT.parents[1] / "params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("dataset: lfw-deepfunneled", f"dataset: {dataset}"))


def test_the_script_obeys_params_yaml_and_lfw_mirror(
    mirror: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose("lfw-funneled")
    monkeypatch.setenv("LFW_MIRROR", str(mirror))
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert stored(data) == (IMAGES, TEXTS)


def test_the_script_ends_in_one_message_without_a_traceback(data: Path) -> None:
    choose("lwf")
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parent)}
    ended = subprocess.run(
        [sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert "Traceback" not in ended.stderr
    assert not data.exists()


@pytest.mark.lfw
def test_the_real_data_set_is_stored(data: Path) -> None:
    stage.download(PARAMS, REAL_MIRROR, Path("downloads"), Path())
    images, texts = stored(data)
    variant = sources.VARIANTS["lfw-deepfunneled"]
    assert archive.fingerprint(images) == variant.fingerprint
    assert len(images) == variant.images
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    assert digests == sources.TEXTS


def test_runs_in_a_copy_of_the_project_share_its_downloads_and_a_mirror_beside_it(
    tmp_path: Path,
) -> None:
    for copy in (".dvc/tmp/exps/standalone/tmp1", ".dvc/tmp/exps/tmp2"):
        assert project(tmp_path / copy) == tmp_path
    assert project(tmp_path) == tmp_path
    assert absolute("lfw", tmp_path) == str(tmp_path / "lfw")
    assert absolute("../lfw", tmp_path) == f"{tmp_path}/../lfw"
    assert absolute("/lfw", tmp_path) == "/lfw"
    assert absolute("https://host/lfw", tmp_path) == "https://host/lfw"
    assert absolute("", tmp_path) is None
    assert absolute("file:///lfw%20images", tmp_path) == "/lfw images"
    with pytest.raises(InputError, match="a file URL of this machine begins with file:///"):
        absolute("file://host/lfw", tmp_path)
