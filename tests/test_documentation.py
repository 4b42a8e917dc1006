"""README and docs: every link and path exists, and README is short."""

import re
from pathlib import Path

import pytest

from siamese.reports import documents

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
every_page = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:stages|tests|docs|view2|metrics|plots|data|\.ci|\.dvc)/[\w./-]*)`")
# What a run makes, and DVC holds instead of Git.
MADE = re.compile(
    r"(data|plots)/([\w-]+/)?[\w.-]+(\.png|\.npy|\.csv|\.json|\.md|\.safetensors|\.tar|/)?|\.dvc/cache"
)


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


@every_page
def test_every_link_leads_to_a_file_or_heading_that_exists(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"(?m)^#+ (.*)$", path.read_text(encoding="utf-8"))
            assert anchor in map(slug, headings), target


@every_page
def test_every_path_that_is_named_exists_or_is_made(page: Path) -> None:
    for name in PATH.findall(page.read_text(encoding="utf-8")):
        pattern = name.rstrip("/")
        assert (ROOT / pattern).exists() or MADE.fullmatch(name), name


def test_every_page_of_docs_is_linked_from_readme() -> None:
    links = LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert pages <= {link.partition("#")[0] for link in links}


def test_readme_is_read_in_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 1200


def test_readme_shows_a_table_and_a_picture_before_any_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.index("![") < text.index("<!-- table: summary -->") < text.index("```sh")


@every_page
def test_pages_use_the_words_of_the_field(page: Path) -> None:
    text = documents.TABLE.sub("", page.read_text(encoding="utf-8")).lower()
    avoided = r"\bcoin\b|\blamp|\banew\b|\bsane\b|\bjudge[sd]?\b|\bhold-?out\b|\bstrangers?\b"
    words = re.findall(avoided, text)
    # The report's own word is given once, where its figures are quoted.
    assert words == (["holdout"] if page.name == "reproduction.md" else [])


def test_every_folder_of_the_library_is_in_readmes_tree() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for folder in (ROOT / "stages" / "siamese").glob("*/__init__.py"):
        assert f"{folder.parent.name}/" in text
