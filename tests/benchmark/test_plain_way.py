"""The benchmark compares the same work: the plain way gives what the pipeline gives."""

from pathlib import Path

import numpy as np
import pytest
import torch

from siamese.benchmark import comparison, ours, plain
from siamese.benchmark.workload import Workload
from siamese.dataset.pairs import PairRows
from siamese.networks.scoring import score_pairs

SIZE = 73


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    folder = tmp_path_factory.mktemp("work")
    Workload.write(folder, training=4, test=3)
    return Workload.load(folder)


def test_both_decode_the_same_images(work: Workload) -> None:
    mine = ours.read(work.tar, work.faces, SIZE)
    theirs = plain.decode(work.files, SIZE)
    assert mine.shape == theirs.shape
    np.testing.assert_allclose(mine, theirs.astype(float), atol=3)  # gray of JPEG or of its colours


def test_both_networks_are_the_same(work: Workload) -> None:
    torch.manual_seed(0)
    theirs, mine = plain.Network(SIZE), ours.network(SIZE)
    # Layer by layer: convolution and normalisation, whose names differ.
    own, others = mine.state_dict(), theirs.state_dict()
    assert [t.shape for t in own.values()] == [t.shape for t in others.values()]
    mine.load_state_dict(dict(zip(own, others.values(), strict=True)))
    pairs = plain.Pairs(work.file_pairs(work.test), [0] * 3, SIZE)
    array = torch.from_numpy(plain.decode(work.files, SIZE))
    scores = score_pairs(mine, array, np.array(work.test))
    np.testing.assert_allclose(scores, plain.evaluate(theirs, pairs), rtol=1e-3, atol=1e-4)


def test_both_train(work: Workload) -> None:
    torch.manual_seed(0)
    theirs, mine = plain.Network(SIZE), ours.network(SIZE)
    before = [net.state_dict()["decision.weight"].clone() for net in (theirs, mine)]
    pairs = plain.Pairs(work.file_pairs(work.training), work.training_labels, SIZE)
    plain.train(theirs, pairs, 2)
    rows = PairRows(np.array(work.training), np.array(work.training_labels))
    ours.train(mine, torch.from_numpy(plain.decode(work.files, SIZE)), rows, 2)
    for net, start in zip((theirs, mine), before, strict=True):
        assert not torch.equal(net.state_dict()["decision.weight"], start)


class Scripted:
    """A worker whose turns take as long as a list says."""

    def __init__(self, way: str, folder: Path) -> None:
        del folder
        self.seconds = {"ours": [9.0, 1.0, 2.0, 1.0], "plain": [9.0, 4.0, 4.0, 6.0]}.get(
            way, [9.0, 1.0, 1.0, 1.0]
        )
        self.turns: dict[str, int] = {}
        self.memory = {"ours": 100.0}.get(way, 250.0)

    def do(self, task: str) -> dict[str, float]:
        turn = self.turns.get(task, 0) % 4
        self.turns[task] = turn + 1
        return {"seconds": self.seconds[turn], "memory": self.memory}

    def close(self) -> None:
        pass


def test_ratios_are_of_turns_that_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "Worker", Scripted)
    rows = comparison.measure(training=12, test=8, turns=3)
    training, memory, evaluation, *_ = rows
    # 4/1, 4/2 and 6/1; the first turn does not count.
    assert (training["ratio"], training["ratio_low"], training["ratio_high"]) == (4, 2, 6)
    assert (training["other_value"], training["our_value"]) == (3, 12)
    assert (memory["unit"], memory["ratio"]) == ("MiB", 2.5)
    assert evaluation["other_value"] == 2


def test_a_worker_that_fails_ends_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="a process of the benchmark ended early"):
        comparison.Worker("plain", tmp_path)
