"""The network: its gradients, its indifference to padding, its numerical floor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sirius_core.pocket import transformer
from sirius_core.pocket.transformer import Shape, Weights, forward_logits, initialise, loss_and_gradients, softmax_

SMALL = Shape(11, width=12, layers=2, heads=3, hidden=16, context=9)


def double(shape: Shape, seed: int = 0) -> Weights:
    return {name: array.astype(np.float64) for name, array in initialise(shape, seed).items()}


def plain_logits(weights: Weights, shape: Shape, tokens: tuple[int, ...]) -> np.ndarray:
    """One sequence, position by position and head by head, as one would write it on a board."""

    def norm(v: np.ndarray) -> np.ndarray:
        return v / np.sqrt((v * v).mean() + transformer.NORM_FLOOR)

    d = shape.head_width
    stream = [weights["token"][token] + weights["position"][t] for t, token in enumerate(tokens)]
    for i in range(shape.layers):
        normed = [norm(v) for v in stream]
        pairs = [v @ weights[f"keyvalue{i}"] for v in normed]
        for t, v in enumerate(normed):
            query, heads = v @ weights[f"query{i}"], []
            for h in range(shape.heads):
                scores = np.array([query[h * d : h * d + d] @ pair[:d] for pair in pairs[: t + 1]]) / np.sqrt(d)
                chance = np.exp(scores) / np.exp(scores).sum()
                heads.append(sum(p * pair[d:] for p, pair in zip(chance, pairs, strict=False)))
            stream[t] = stream[t] + np.concatenate(heads) @ weights[f"mix{i}"]
            stream[t] = stream[t] + np.maximum(norm(stream[t]) @ weights[f"up{i}"], 0) ** 2 @ weights[f"down{i}"]
    return np.array([norm(v) @ weights["head"] for v in stream])


def test_logits_equal_those_of_the_plain_formulas() -> None:
    weights = double(SMALL)
    tokens = (3, 1, 4, 1, 5, 9, 2)
    assert np.allclose(forward_logits(weights, SMALL, np.array([tokens]))[0], plain_logits(weights, SMALL, tokens))


@pytest.mark.parametrize("part", [1, 12, 512])
def test_gradients_agree_with_finite_differences(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformer, "PART", part)
    weights, rng = double(SMALL), np.random.default_rng(1)
    tokens = rng.integers(0, 11, (4, 7))
    loss_weight = rng.random((4, 7))
    loss_weight[:, 0] = loss_weight[1, 5:] = loss_weight[2, :3] = loss_weight[3] = 0
    _, gradients = loss_and_gradients(weights, SMALL, tokens, loss_weight)
    assert gradients.keys() == weights.keys()
    for name, array in weights.items():
        for _ in range(6):
            place = tuple(rng.integers(0, n) for n in array.shape)
            kept, losses = array[place], []
            for step in (1e-5, -1e-5):
                array[place] = kept + step
                losses.append(loss_and_gradients(weights, SMALL, tokens, loss_weight)[0])
            array[place] = kept
            assert gradients[name][place] == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-6, abs=1e-9), name


def test_loss_is_the_weighted_mean_of_the_negative_log_probabilities() -> None:
    weights = double(SMALL)
    tokens = np.array([[1, 2, 3, 4], [5, 6, 7, 0]])
    loss_weight = np.array([[0, 0, 1.0, 2.0], [0, 0.5, 0, 0]])
    logits = forward_logits(weights, SMALL, tokens)
    logprob = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    expected = -(logprob[0, 1, 3] + 2 * logprob[0, 2, 4] + 0.5 * logprob[1, 0, 6]) / 3.5
    assert loss_and_gradients(weights, SMALL, tokens, loss_weight)[0] == pytest.approx(expected)


def test_padding_and_company_change_nothing() -> None:
    weights = double(SMALL)
    alone = loss_and_gradients(weights, SMALL, np.array([[1, 2, 3]]), np.array([[0, 1.0, 1.0]]))
    padded = loss_and_gradients(
        weights, SMALL, np.array([[1, 2, 3, 9, 9], [4, 4, 4, 4, 4]]), np.array([[0, 1.0, 1.0, 0, 0], [0.0] * 5])
    )
    assert padded[0] == pytest.approx(alone[0])
    for name in weights:
        assert np.allclose(padded[1][name], alone[1][name])


def test_a_position_sees_nothing_of_its_future() -> None:
    weights = initialise(SMALL, 0)
    one, other = forward_logits(weights, SMALL, np.array([[1, 2, 3, 4, 5], [1, 2, 3, 9, 9]]))
    assert np.allclose(one[:3], other[:3], atol=1e-6) and not np.allclose(one[3], other[3], atol=1e-3)


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e4, 1e8])
def test_softmax_stands_any_scale(scale: float) -> None:
    scores = np.random.default_rng(0).standard_normal((5, 4, 7)).astype(np.float32) * np.float32(scale)
    exact = scores.astype(np.float64)
    exact = np.exp(exact - exact.max(axis=2, keepdims=True))
    assert np.allclose(softmax_(scores), exact / exact.sum(axis=2, keepdims=True), atol=1e-6)


def test_huge_weights_give_finite_numbers() -> None:
    weights = {name: array * np.float32(50) for name, array in initialise(SMALL, 0).items()}
    tokens, loss_weight = np.array([[1, 2, 3, 4]]), np.array([[0, 1.0, 1.0, 1.0]])
    loss, gradients = loss_and_gradients(weights, SMALL, tokens, loss_weight)
    assert np.isfinite(loss) and all(np.isfinite(array).all() for array in gradients.values())
    assert np.isfinite(forward_logits(weights, SMALL, tokens)).all()


def test_weights_are_float32_and_follow_the_seed() -> None:
    one, same, other = initialise(SMALL, 1), initialise(SMALL, 1), initialise(SMALL, 2)
    assert {name: array.shape for name, array in one.items()} == SMALL.arrays()
    assert all(array.dtype == np.float32 for array in one.values())
    assert all(np.array_equal(one[name], same[name]) and not np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda w: forward_logits(w, SMALL, np.array([[11]])), "0..10"),
        (lambda w: forward_logits(w, SMALL, np.array([[-1]])), "0..10"),
        (lambda w: forward_logits(w, SMALL, np.zeros((1, 10), int)), "at most 9"),
        (lambda w: forward_logits(w, SMALL, np.zeros(3, int)), r"\[B, T\]"),
        (lambda w: loss_and_gradients(w, SMALL, np.zeros((1, 3), int), np.zeros((1, 3))), "no position carries loss"),
        (lambda w: loss_and_gradients(w, SMALL, np.zeros((1, 3), int), np.ones((1, 3))), "first token"),
        (lambda w: loss_and_gradients(w, SMALL, np.zeros((1, 3), int), np.zeros((1, 4))), "shape of tokens"),
        (lambda w: loss_and_gradients(w, SMALL, np.zeros((1, 2), int), np.array([[0, -1.0]])), "not negative"),
        (lambda w: loss_and_gradients(w, SMALL, np.zeros((1, 2), int), np.array([[0, np.nan]])), "finite"),
        (lambda w: Shape(5, width=10, heads=3), "multiple of heads"),
        (lambda w: Shape(0), "at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(call: Callable[[Weights], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call(initialise(SMALL, 0))
