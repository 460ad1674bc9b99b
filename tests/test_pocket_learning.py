"""Learning: Adam against its formulas, schedules, batches, determinism."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sirius_core.pocket.learning import (
    Adam,
    Example,
    Schedule,
    batches_of,
    buckets,
    pad,
    pretrain_stream,
    rate_at,
    train,
)
from sirius_core.pocket.sampling import score
from sirius_core.pocket.transformer import Shape, Weights, initialise

SMALL = Shape(13, width=24, layers=2, heads=2, hidden=32, context=16)


def examples(n: int, seed: int = 0) -> list[Example]:
    """A few digits, a mark, the same digits, the stop token."""
    rng = np.random.default_rng(seed)
    digits = [tuple((1 + rng.integers(0, 9, rng.integers(1, 6))).tolist()) for _ in range(n)]
    return [Example((*d, 11, *d, 0), len(d) + 1) for d in digits]


def equal(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_training_lowers_the_loss_on_unseen_examples() -> None:
    start = initialise(SMALL, 0)
    learned = train(start, SMALL, examples(600), Schedule(epochs=3, batch=32, rate=3e-3), 0)
    assert learned.steps == len(learned.losses) == 3 * 19
    assert learned.tokens == 3 * sum(len(example.tokens) for example in examples(600))

    def surprise(weights: Weights) -> float:
        fresh = examples(100, seed=1)
        rows = score(weights, SMALL, [example.tokens for example in fresh], [example.start for example in fresh])
        return -float(np.concatenate(rows).mean())

    assert surprise(learned.weights) < 0.8 * surprise(start)
    assert equal(start, initialise(SMALL, 0)), "the weights that came in have changed"


def test_an_exact_number_of_steps_cuts_epochs_off_or_goes_on_with_them() -> None:
    start, some = initialise(SMALL, 0), examples(40)  # three batches of 16 an epoch
    made = {steps: train(start, SMALL, some, Schedule(epochs=2, batch=16, warmup=0, final=1.0, steps=steps), 0)
            for steps in (None, 4, 6, 9)}
    assert {steps: (found.steps, len(found.losses)) for steps, found in made.items()} == {
        None: (6, 6), 4: (4, 4), 6: (6, 6), 9: (9, 9)}
    assert equal(made[None].weights, made[6].weights) and made[None].tokens == made[6].tokens
    assert made[9].losses[:6] == made[6].losses and made[6].losses[:4] == made[4].losses  # the rate stays the same here
    lengths = [len(example.tokens) for example in some]
    first = batches_of(lengths, Schedule(batch=16, steps=4), np.random.default_rng(0))
    assert made[4].tokens == sum(lengths[i] for part in first for i in part) < made[6].tokens
    assert made[9].tokens == 3 * sum(lengths)
    assert train(start, SMALL, [], Schedule(steps=5), 0).steps == 0
    falling = train(start, SMALL, some, Schedule(batch=16, warmup=0, final=0.1, steps=4), 0)
    assert falling.losses[0] == made[4].losses[0] and falling.losses[1:] != made[4].losses[1:]


def test_same_seed_same_bytes_other_seed_other_bytes() -> None:
    start = initialise(SMALL, 0)
    one, same, other = (train(start, SMALL, examples(100), Schedule(batch=16), seed) for seed in (1, 1, 2))
    assert equal(one.weights, same.weights) and one.losses == same.losses
    assert not equal(one.weights, other.weights)


def test_nothing_to_learn_changes_nothing() -> None:
    start = initialise(SMALL, 0)
    learned = train(start, SMALL, [], Schedule(), 0)
    assert equal(learned.weights, start) and (learned.losses, learned.steps, learned.tokens) == ((), 0, 0)


def test_progress_is_told_after_every_step() -> None:
    told: list[tuple[int, int, float]] = []
    learned = train(initialise(SMALL, 0), SMALL, examples(40), Schedule(batch=16), 0, lambda *step: told.append(step))
    assert told == [(i + 1, 6, loss) for i, loss in enumerate(learned.losses)]


def test_adam_follows_its_formulas() -> None:
    rng = np.random.default_rng(0)
    weights = {"a": rng.standard_normal((3, 2)), "b": rng.standard_normal(4)}
    adam = Adam(weights, decay=0.1, clip=1.0)
    flat = np.concatenate([array.reshape(-1) for array in weights.values()])
    mean, square = np.zeros(10), np.zeros(10)
    for step in range(1, 4):
        gradients = {"a": rng.standard_normal((3, 2)), "b": rng.standard_normal(4)}
        g = np.concatenate([gradients["a"].reshape(-1), gradients["b"]])
        norm = np.linalg.norm(g)
        assert adam.step(gradients, 0.01) == pytest.approx(norm)
        g = g / max(1.0, norm)
        mean, square = 0.9 * mean + 0.1 * g, 0.99 * square + 0.01 * g * g
        flat = flat * (1 - 0.01 * 0.1)
        flat -= 0.01 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        assert np.allclose(np.concatenate([adam.weights["a"].reshape(-1), adam.weights["b"]]), flat)


def test_adam_refuses_a_gradient_that_is_not_finite() -> None:
    adam = Adam({"a": np.zeros(2, np.float32)})
    with pytest.raises(FloatingPointError, match="learning rate"):
        adam.step({"a": np.array([np.nan, 0], np.float32)}, 0.1)
    assert np.array_equal(adam.weights["a"], [0, 0])


def test_the_rate_rises_and_falls() -> None:
    rates = [rate_at(step, 12, rate=1.0, warmup=2, final=0.1) for step in range(12)]
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert np.diff(rates[2:]) == pytest.approx([-0.1] * 9) and rates[-1] == pytest.approx(0.1)
    assert rate_at(0, 1, 1.0, 5, 0.1) > 0


def test_buckets_hold_everybody_once_with_similar_lengths() -> None:
    lengths = np.random.default_rng(0).integers(2, 60, 1000).tolist()
    parts = buckets(lengths, 64, np.random.default_rng(1))
    assert sorted(np.concatenate(parts).tolist()) == list(range(1000))
    assert max(len(part) for part in parts) == 64
    padded = sum(len(part) * max(lengths[i] for i in part) for part in parts)
    assert padded < 1.06 * sum(lengths)
    again = buckets(lengths, 64, np.random.default_rng(2))
    assert {frozenset(part.tolist()) for part in parts} != {frozenset(part.tolist()) for part in again}


def test_padding_carries_no_loss() -> None:
    tokens, loss_weight = pad([Example((1, 2, 3, 0), 2, 0.5), Example((4, 0), 0)])
    assert tokens.tolist() == [[1, 2, 3, 0], [4, 0, 0, 0]]
    assert loss_weight.tolist() == [[0, 0, 0.5, 0.5], [0, 1, 0, 0]]


def test_a_heavier_example_pulls_harder() -> None:
    light, heavy = Example((1, 11, 2, 0), 2), Example((1, 11, 3, 0), 2, weight=5.0)
    learned = train(initialise(SMALL, 0), SMALL, [light, heavy] * 40, Schedule(epochs=15, batch=16, rate=3e-3), 0)
    two, three = score(learned.weights, SMALL, [light.tokens, heavy.tokens], [2, 2])
    assert np.exp(three[0]) == pytest.approx(5 / 6, abs=0.1) and np.exp(two[0]) == pytest.approx(1 / 6, abs=0.1)


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (Example((1,), 0), "1 tokens; 2 to 16 fit"),
        (Example((1,) * 17, 1), "17 tokens; 2 to 16 fit"),
        (Example((1, 2), 2), "start 2"),
        (Example((1, 2), 1, 0.0), "weight 0.0"),
        (Example((1, 2), 1, float("nan")), "weight nan"),
        (Example((1, 13), 1), "0..12"),
    ],
)
def test_an_example_that_does_not_fit_is_refused(example: Example, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        train(initialise(SMALL, 0), SMALL, [*examples(3), example], Schedule(), 0)


def test_a_stream_is_read_to_its_last_step() -> None:
    def batches() -> Iterator[list[Example]]:
        for seed in range(100):
            yield examples(16, seed)

    told: list[int] = []
    start = initialise(SMALL, 0)
    one = pretrain_stream(start, SMALL, batches(), 60, rate=3e-3, warmup=5, on_step=lambda step, *_: told.append(step))
    assert told == list(range(1, 61)) and one.steps == 60 and one.losses[-1] < one.losses[0] - 0.3
    assert equal(one.weights, pretrain_stream(start, SMALL, batches(), 60, rate=3e-3, warmup=5).weights)
    with pytest.raises(ValueError, match="ended after 100 of 101 steps"):
        pretrain_stream(start, SMALL, batches(), 101, rate=1e-3, warmup=5)


def test_weights_that_are_not_finite_say_so() -> None:
    broken = initialise(SMALL, 0)
    broken["mix0"][0, 0] = np.nan
    with pytest.raises(FloatingPointError, match="learning rate"), np.errstate(invalid="ignore"):
        train(broken, SMALL, examples(20), Schedule(), 0)
