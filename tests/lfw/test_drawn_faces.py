"""The synthetic stand-in for LFW: its layout, its protocol files, its images."""

import io
from collections import Counter
from itertools import combinations

import numpy as np
from PIL import Image

from siamese.lfw import drawn_faces
from siamese.lfw.drawn_faces import Dataset

Image_ = tuple[str, int]  # a person's name and the number of the image
Pairs = list[tuple[Image_, Image_]]


def read_pairs(lines: list[str]) -> Pairs:
    pairs: Pairs = []
    for line in lines:
        match line.split("\t"):
            case [name, i, j]:
                pairs.append(((name, int(i)), (name, int(j))))
            case [first, i, second, j]:
                pairs.append(((first, int(i)), (second, int(j))))
            case _:
                raise AssertionError(line)
    return pairs


def read_dev_pairs(text: str) -> Pairs:
    count, *lines = text.splitlines()
    assert len(lines) == 2 * int(count)
    return read_pairs(lines)


def read_folds_of_pairs(text: str) -> list[Pairs]:
    header, *lines = text.splitlines()
    folds, count = map(int, header.split("\t"))
    size = 2 * count
    assert len(lines) == folds * size
    return [read_pairs(lines[k * size : (k + 1) * size]) for k in range(folds)]


def read_people(lines: list[str]) -> dict[str, int]:
    people = {name: int(count) for name, count in (line.split("\t") for line in lines)}
    assert len(people) == len(lines)
    return people


def read_dev_people(text: str) -> dict[str, int]:
    count, *lines = text.splitlines()
    assert len(lines) == int(count)
    return read_people(lines)


def read_folds_of_people(text: str) -> list[dict[str, int]]:
    header, *lines = text.splitlines()
    folds = []
    for _ in range(int(header)):
        count = int(lines[0])
        folds.append(read_people(lines[1 : count + 1]))
        assert len(folds[-1]) == count
        lines = lines[count + 1 :]
    assert not lines
    return folds


def all_pairs(dataset: Dataset) -> list[Pairs]:
    texts = dataset.texts
    dev = [read_dev_pairs(texts[name]) for name in ("pairsDevTrain.txt", "pairsDevTest.txt")]
    return dev + read_folds_of_pairs(texts["pairs.txt"])


def dev_people(dataset: Dataset) -> tuple[dict[str, int], dict[str, int]]:
    texts = dataset.texts
    return read_dev_people(texts["peopleDevTrain.txt"]), read_dev_people(texts["peopleDevTest.txt"])


def pixels(jpeg: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.asarray(Image.open(io.BytesIO(jpeg))).astype(np.int16)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(dataset: Dataset) -> None:
    assert drawn_faces.make(0) == dataset
    other = drawn_faces.make(1)
    assert other.texts != dataset.texts
    assert other.images != dataset.images


def test_the_six_protocol_files_end_with_one_newline(dataset: Dataset) -> None:
    assert set(dataset.texts) == {
        "pairsDevTrain.txt",
        "pairsDevTest.txt",
        "pairs.txt",
        "peopleDevTrain.txt",
        "peopleDevTest.txt",
        "people.txt",
    }
    for text in dataset.texts.values():
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


def test_images_have_the_names_and_numbers_that_the_people_files_give(dataset: Dataset) -> None:
    train, test = dev_people(dataset)
    expected = {
        f"{name}/{name}_{number:04}.jpg"
        for name, count in (train | test).items()
        for number in range(1, count + 1)
    }
    assert set(dataset.images) == expected


def test_every_list_of_people_is_sorted(dataset: Dataset) -> None:
    for people in (*dev_people(dataset), *read_folds_of_people(dataset.texts["people.txt"])):
        assert list(people) == sorted(people)


def test_every_image_of_a_pair_exists(dataset: Dataset) -> None:
    for pairs in all_pairs(dataset):
        for name, number in (image for pair in pairs for image in pair):
            assert f"{name}/{name}_{number:04}.jpg" in dataset.images


def test_pairs_of_one_person_come_first_and_are_half(dataset: Dataset) -> None:
    for pairs in all_pairs(dataset):
        same = [first[0] == second[0] for first, second in pairs]
        half = len(pairs) // 2
        assert same == [True] * half + [False] * half


def test_no_pair_is_listed_twice_nor_shows_one_image_twice(dataset: Dataset) -> None:
    for pairs in all_pairs(dataset):
        distinct = {frozenset(pair) for pair in pairs}
        assert len(distinct) == len(pairs)
        assert all(len(pair) == 2 for pair in distinct)


def test_pairs_are_sorted_within_each_class(dataset: Dataset) -> None:
    for pairs in all_pairs(dataset):
        half = len(pairs) // 2
        assert pairs[:half] == sorted(pairs[:half])
        assert pairs[half:] == sorted(pairs[half:])


def test_view_1_tests_on_people_who_are_not_in_training(dataset: Dataset) -> None:
    train, test = dev_people(dataset)
    assert not set(train) & set(test)
    train_pairs, test_pairs, *_ = all_pairs(dataset)
    for people, pairs in ((train, train_pairs), (test, test_pairs)):
        assert {name for pair in pairs for name, _ in pair} <= set(people)


def test_view_2_splits_all_people_into_folds_that_pairs_do_not_cross(dataset: Dataset) -> None:
    train, test = dev_people(dataset)
    folds = read_folds_of_people(dataset.texts["people.txt"])
    assert len(folds) == 10
    assert all(not set(a) & set(b) for a, b in combinations(folds, 2))
    assert {name: count for fold in folds for name, count in fold.items()} == train | test
    fold_pairs = read_folds_of_pairs(dataset.texts["pairs.txt"])
    for people, pairs in zip(folds, fold_pairs, strict=True):
        assert {name for pair in pairs for name, _ in pair} <= set(people)


def test_some_people_have_one_image_only(dataset: Dataset) -> None:
    train, test = dev_people(dataset)
    counts = Counter((train | test).values())
    assert counts[1] > 0
    assert len(counts) > 1


def test_every_image_is_an_rgb_jpeg_of_lfw_size(dataset: Dataset) -> None:
    for jpeg in dataset.images.values():
        image = Image.open(io.BytesIO(jpeg))
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (250, 250))


def test_images_of_one_person_differ(dataset: Dataset) -> None:
    assert len(set(dataset.images.values())) == len(dataset.images)
    people, _ = dev_people(dataset)
    for name in [name for name, count in people.items() if count > 1][:10]:
        first, second = (pixels(dataset.images[f"{name}/{name}_000{k}.jpg"]) for k in (1, 2))
        assert abs(first - second).mean() > 5
