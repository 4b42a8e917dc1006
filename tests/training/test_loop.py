"""Training stops when it should, keeps the best epoch, and repeats exactly."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from siamese.checkpoint import Checkpoint
from siamese.dataset.pairs import PairRows
from siamese.dataset.people import ImagesOfPeople
from siamese.errors import InputError
from siamese.evaluation.verification import best_threshold, cross_entropy
from siamese.networks import model_file
from siamese.networks.ensemble import Ensemble
from siamese.networks.koch import KochNetwork
from siamese.networks.scoring import score_pairs
from siamese.parameters import Parameters
from siamese.rules import SCHEDULERS
from siamese.training import loop
from siamese.training.early_stopping import EarlyStopping
from siamese.training.loop import fit, train
from siamese.training.run import Epoch, Run
from small_runs import (
    PARAMS,
    PEOPLE,
    TRAINING,
    VALIDATION,
    assert_equal_runs,
    faces,
    finish,
    images_of,
    prepared,
    settings,
    settings_of_streams,
    small_koch,
    start,
    start_of_streams,
    without_seconds,
)


def decision(run: Run) -> torch.nn.Linear:
    assert isinstance(run.network, KochNetwork)
    return run.network.decision


@pytest.fixture(scope="module")
def learned() -> Run:
    """Return a run of four epochs that learns, for tests that only look at it."""
    params = dataclasses.replace(
        settings(max_epochs=4), schedulers={"none": {"learning_rate": 1e-2}}
    )
    return finish(start(params))


@pytest.fixture(scope="module")
def of_streams() -> Run:
    """Return a run of an ensemble, for tests that only look at it."""
    return finish(prepared(settings_of_streams()))


@pytest.fixture(params=["learned", "of_streams"])
def ended(request: pytest.FixtureRequest) -> Run:
    """Return each of these runs."""
    run: Run = request.getfixturevalue(request.param)
    return run


def test_the_best_epochs_parameters_are_restored(ended: Run) -> None:
    scores = score_pairs(ended.network, images_of(ended), VALIDATION.rows)
    losses = [epoch.val_loss for epoch in ended.epochs]
    assert ended.stopping.best_loss == min(losses)
    assert losses.index(min(losses)) + 1 == ended.stopping.best_epoch
    assert cross_entropy(scores, VALIDATION.labels) == pytest.approx(min(losses), abs=1e-6)


def test_the_best_epochs_threshold_is_the_best_for_the_network_that_is_kept(ended: Run) -> None:
    scores = score_pairs(ended.network, images_of(ended), VALIDATION.rows)
    expected = best_threshold(scores, VALIDATION.labels)
    assert ended.best.val_threshold == pytest.approx(expected, rel=1e-6)
    assert expected != 0


def test_a_seed_repeats_a_run_bit_for_bit() -> None:
    params = settings(max_epochs=2, seed=1)
    first, again = finish(start(params)), finish(start(params))
    assert_equal_runs(first, again)
    other = finish(start(settings(max_epochs=2, seed=2)))
    assert not torch.equal(decision(first).weight, decision(other).weight)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_run_left_after_any_epoch_ends_as_if_it_had_not_been(
    scheduler: str, tmp_path: Path
) -> None:
    params = settings(max_epochs=4, scheduler=scheduler)
    whole = finish(start(params))
    checkpoint = Checkpoint(tmp_path, scheduler, [])
    for _ in whole.epochs:
        run = start(params)
        if (state := checkpoint.load()) is not None:
            run.load_state_dict(state)
        next(train(run, faces(), VALIDATION))
        checkpoint.save(run.state_dict())
    last = start(params)
    state = checkpoint.load()
    assert state is not None
    last.load_state_dict(state)
    assert last.finished
    finish(last)
    assert_equal_runs(last, whole)


def test_learning_rate_of_each_epoch_is_the_schedulers() -> None:
    epochs = finish(start(settings(max_epochs=3, scheduler="exponential"))).epochs
    assert [epoch.learning_rate for epoch in epochs] == pytest.approx([1e-2, 1e-3, 1e-4])


def test_onecycle_moves_within_an_epoch() -> None:
    epochs = finish(start(settings(max_epochs=4, scheduler="onecycle"))).epochs
    peak = PARAMS.schedulers["onecycle"]["learning_rate"]
    assert epochs[0].learning_rate == pytest.approx(peak / 25)
    assert epochs[1].learning_rate > epochs[0].learning_rate


@pytest.mark.parametrize(("batches", "epochs"), [(1, 1), (2, 1), (1, 2), (1, 3), (2, 2)])
def test_onecycle_trains_to_the_end_however_few_the_batches(batches: int, epochs: int) -> None:
    params = settings_of_streams({"residual": (1.0,)}, max_epochs=epochs, batch_size=4 // batches)
    run = finish(prepared(params))
    assert (run.objective.batches, len(run.epochs)) == (batches, epochs)


def test_training_lowers_the_training_loss(learned: Run) -> None:
    assert learned.epochs[-1].train_loss < learned.epochs[0].train_loss


def test_a_network_that_learns_is_not_reported_as_collapsed(learned: Run) -> None:
    assert learned.collapsed_epoch is None
    assert "collapsed" not in learned.describe(learned.epochs[-1])


def test_a_network_that_gives_every_pair_the_same_score_is_reported_as_collapsed() -> None:
    run = start(settings(max_epochs=2, weight_decay=3.0))
    with torch.no_grad():
        decision(run).weight.zero_()
    finish(run)
    assert run.collapsed_epoch == 1
    message = run.describe(run.epochs[0])
    assert "collapsed: the same score for every validation pair" in message
    assert "learning_rate (now 0.0001) or recipes.koch.weight_decay (now 3)" in message


def test_a_loss_that_is_never_a_number_is_reported_in_one_line() -> None:
    run = start(settings())
    torch.nn.init.constant_(decision(run).weight, float("nan"))
    with pytest.raises(InputError, match=r"loss of epoch 1 .* try a lower schedulers\.none\.learn"):
        finish(run)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_loss_that_stops_being_a_number_ends_the_run_and_keeps_the_best(broken: float) -> None:
    run = start(settings(max_epochs=9))
    kept: dict[str, torch.Tensor] = {}
    for epoch in train(run, faces(), VALIDATION):
        kept = {name: value.clone() for name, value in run.stopping.best_state.items()}
        if epoch.epoch == 2:
            with torch.no_grad():
                decision(run).bias.fill_(broken)
    assert (len(run.epochs), run.diverged_epoch) == (2, 3)
    assert kept.keys() == run.network.state_dict().keys()
    for name, value in run.network.state_dict().items():
        assert torch.equal(value, kept[name]), name
        assert value.isfinite().all()


def test_an_ensemble_whose_embeddings_stop_being_numbers_ends_in_the_same_way() -> None:
    run = prepared(settings_of_streams(max_epochs=9))
    for epoch in train(run, faces(32), VALIDATION):
        if epoch.epoch == 2:
            with torch.no_grad():
                next(iter(run.network.parameters())).fill_(float("nan"))
    assert (len(run.epochs), run.diverged_epoch) == (2, 3)
    assert all(value.isfinite().all() for value in run.network.state_dict().values())


def test_an_ensemble_without_a_closed_form_stream_trains_and_scores() -> None:
    run = prepared(settings_of_streams({"residual": (1.0, 0.7)}, max_epochs=2))
    before = {name: value.clone() for name, value in run.network.named_parameters()}
    finish(run)
    assert len(run.epochs) == 2
    assert any(not torch.equal(value, before[n]) for n, value in run.network.named_parameters())
    scores = score_pairs(run.network, faces(32), VALIDATION.rows)
    assert scores.shape == (6,)
    assert scores.std() > 0
    assert cross_entropy(scores, VALIDATION.labels) == pytest.approx(run.best.val_loss, abs=1e-6)


def test_an_ensemble_whose_streams_are_not_set_is_not_trained() -> None:
    run = start_of_streams(settings_of_streams())
    with pytest.raises(ValueError, match="closed-form streams are not set"):
        next(train(run, faces(32), VALIDATION))


class TestFit:
    """`fit` as the stages call it, in a folder of its own."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def fit(self, params: Parameters | None = None, **options: Any) -> tuple[Run, Checkpoint]:
        return fit(
            params or settings_of_streams(), faces(32), PEOPLE, VALIDATION, inputs=[], **options
        )

    def fit_until(self, stage: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> None:
        """Fit until the process is "killed": in the first epoch, or in the second."""
        update = EarlyStopping.update

        def killed(stopping: EarlyStopping, *arguments: Any) -> None:
            if stopping.epoch == (0 if stage == "first epoch" else 1):
                raise KeyboardInterrupt
            update(stopping, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(EarlyStopping, "update", killed)
            with pytest.raises(KeyboardInterrupt):
                self.fit(**options)

    def kept(self) -> set[str]:
        return {path.suffix for path in Path(".training").iterdir()}

    @pytest.mark.parametrize("stage", ["first epoch", "second epoch"])
    def test_a_run_that_was_killed_continues_to_the_same_result(
        self, stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        whole, checkpoint = self.fit()
        checkpoint.remove()
        self.fit_until(stage, monkeypatch)
        first = stage == "first epoch"
        assert self.kept() == ({".constants"} if first else {".constants", ".checkpoint"})
        capsys.readouterr()
        monkeypatch.setattr(Ensemble, "set_closed_form", None)  # not to be called again
        torch.manual_seed(9)
        again, checkpoint = self.fit()
        assert_equal_runs(again, whole)
        assert ("continuing after epoch 1" in capsys.readouterr().out) is not first
        checkpoint.remove()
        assert not Path(".training").exists()

    @pytest.mark.parametrize("stage", ["first epoch", "second epoch"])
    def test_constants_that_are_damaged_are_reported_and_computed_again(
        self, stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        whole, checkpoint = self.fit()
        checkpoint.remove()
        self.fit_until(stage, monkeypatch)
        content = bytearray(checkpoint.constants.read_bytes())
        content[len(content) // 2] ^= 1
        checkpoint.constants.write_bytes(content)
        capsys.readouterr()
        again, _ = self.fit()
        assert_equal_runs(again, whole)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith(f"{checkpoint.constants} is damaged")
        assert lines[1].startswith("closed-form streams: ")

    def test_a_log_gets_one_line_for_the_preparation_and_one_for_each_epoch(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run, _ = self.fit()
        captured = capsys.readouterr()
        first, *lines = captured.out.splitlines()
        assert first.startswith("closed-form streams: ")
        assert lines == [run.describe(epoch) for epoch in run.epochs]
        assert captured.err == ""

    def test_the_table_of_epochs_is_what_the_run_has(self) -> None:
        run, _ = self.fit(table=Path("plots/training.csv"))
        with Path("plots/training.csv").open(encoding="utf-8", newline="") as file:
            names, *rows = csv.reader(file)
        assert names == [field.name for field in dataclasses.fields(Epoch)]
        assert rows == [[str(value) for value in dataclasses.astuple(e)] for e in run.epochs]

    def test_the_table_holds_this_runs_epochs_alone_at_any_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        table = Path("training.csv")
        # Killed in the first epoch, then in the second one, twice, then not any more.
        for stage, epochs in (("first", 0), ("second", 1), ("second", 1), (None, 3)):
            table.write_text("of another run", encoding="utf-8")
            if stage:
                self.fit_until(f"{stage} epoch", monkeypatch, table=table)
            else:
                self.fit(table=table)
            header, *rows = table.read_text(encoding="utf-8").splitlines()
            assert header.startswith("epoch,")
            assert [row.split(",")[0] for row in rows] == [str(n + 1) for n in range(epochs)]

    def test_the_time_of_the_preparation_is_part_of_the_first_epochs(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        prepare = loop.prepare

        def slow(run: Run, checkpoint: Checkpoint) -> None:
            prepare(run, checkpoint)
            run.preparation_seconds += 1000

        monkeypatch.setattr(loop, "prepare", slow)
        first, *others = self.fit()[0].epochs
        assert first.seconds > 1000
        assert all(epoch.seconds < 1000 for epoch in others)

    def test_another_fold_or_other_parameters_are_another_run(self) -> None:
        first, checkpoint = self.fit()
        _, of_fold = self.fit(fold=1)
        longer, of_longer = self.fit(settings_of_streams(max_epochs=4))
        assert len({checkpoint.path, of_fold.path, of_longer.path}) == 3
        assert (len(first.epochs), len(longer.epochs)) == (3, 4)

    def test_a_run_that_diverges_says_which_epoch_is_kept_and_what_to_try(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        update = EarlyStopping.update

        def breaking(stopping: EarlyStopping, loss: float, network: Any) -> None:
            update(stopping, loss, network)
            with torch.no_grad():
                next(iter(network.parameters())).fill_(float("nan"))

        monkeypatch.setattr(EarlyStopping, "update", breaking)
        run, _ = self.fit()
        assert (run.diverged_epoch, len(run.epochs)) == (2, 1)
        assert capsys.readouterr().out.splitlines()[-1] == (
            f"epoch 2: the loss is not a finite number; epoch 1 is kept; {run.advice()}"
        )

    def test_listed_pairs_are_fitted_without_constants(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(model_file, "make", lambda recipe: small_koch())
        run, _ = fit(settings(max_epochs=2), faces(), TRAINING, VALIDATION, inputs=[])
        assert without_seconds(run.epochs) == without_seconds(
            finish(start(settings(max_epochs=2))).epochs
        )
        assert self.kept() == {".checkpoint"}
        assert "closed-form" not in capsys.readouterr().out

    @pytest.mark.parametrize("examples", [TRAINING, PEOPLE])
    def test_examples_of_the_wrong_kind_are_refused(
        self, examples: PairRows | ImagesOfPeople
    ) -> None:
        params = settings_of_streams() if examples is TRAINING else settings()
        with pytest.raises(ValueError, match="does not learn from"):
            fit(params, faces(32), examples, VALIDATION, inputs=[])
