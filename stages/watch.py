"""Whether the folder of dataset `folder` has changed: its files' names, sizes, times -> watch/."""

from pathlib import Path

from siamese import atomic, parameters
from siamese.errors import run
from siamese.folder import collection, source

PARAMS = Path("params.yaml")
SEEN = Path("watch/folder.txt")


def digest(folder: str, people: parameters.People) -> str:
    """Return what changes when a file is added, deleted, renamed or written to.

    Raises:
        InputError: there is no such folder, or its files cannot be enough; `download` would find
            that too, when DVC has deleted what it made before.
    """
    path = source.locate(folder, Path.cwd())
    if not path.is_dir():
        return source.fingerprint(path, [])
    with source.open_source(path, SEEN.parent) as listed:
        collection.find_enough_people(listed, people)
        return source.fingerprint(path, listed.files)


def main() -> None:
    """Write a digest of the folder."""
    params = parameters.read(PARAMS)
    seen = digest(params.folder, params.people) if params.folder else "no folder"
    with atomic.writing(SEEN) as partial:
        partial.write_text(f"{seen}\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
