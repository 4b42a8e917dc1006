"""Images are embedded once each, in the layout and range that networks expect."""

import numpy as np
import pytest
import torch

from siamese.networks.ensemble import Ensemble
from siamese.networks.scoring import embed_pairs, score_pairs, to_input
from small_runs import SIZE, STREAMS, VALIDATION, faces, small_koch


def test_input_is_scaled_to_one_and_keeps_colour_channels_apart() -> None:
    gray = to_input(torch.full((2, 4, 4), 255, dtype=torch.uint8))
    assert gray.shape == (2, 1, 4, 4)
    assert gray.max() == 1
    colour = torch.zeros(1, 4, 4, 3, dtype=torch.uint8)
    colour[..., 2] = 51
    assert to_input(colour)[0, :, 0, 0].tolist() == pytest.approx([0, 0, 0.2])


def test_scores_do_not_depend_on_how_often_an_image_is_used() -> None:
    torch.manual_seed(0)
    network = small_koch().eval()
    rows = np.array([[0, 1], [1, 0], [0, 1], [5, 5]])
    scores = score_pairs(network, faces(SIZE), rows)
    with torch.no_grad():
        direct = network(to_input(faces()[rows[:, 0]]), to_input(faces()[rows[:, 1]]))
    np.testing.assert_allclose(scores, direct.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("streams", [STREAMS, {"residual": (1.0,)}])
def test_embeddings_that_do_not_change_are_computed_once(
    streams: dict[str, tuple[float, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (12, 32, 32), dtype=torch.uint8)
    network = Ensemble(32, 1, streams)
    network.set_closed_form(lambda rows: to_input(images[rows]), torch.arange(12) // 3)
    before, pairs = embed_pairs(network, images, VALIDATION.rows)
    with torch.no_grad():
        for name, parameter in network.learned.named_parameters():
            if name.endswith("bias"):
                parameter.fill_(0.1)
    whole, _ = embed_pairs(network, images, VALIDATION.rows)
    monkeypatch.setattr(network, "embed_closed_form", None)  # not to be called
    again, _ = embed_pairs(network, images, VALIDATION.rows, before)
    assert not torch.equal(whole, before)
    torch.testing.assert_close(again, whole)
    assert pairs.shape == (6, 2)
