"""What becomes of imported traces: a person's edit, judged by rule, and a library that can go out again."""

from __future__ import annotations

from .. import recipes, review, rewards
from ..errors import UsageError
from ..recipes import IMPORTED
from ..store import Experiment, Store
from ..training import Example, Library, per_model
from ..trajectories import Trajectory
from .landing import PHASE, ROUND, said_otherwise, whole


def imported(experiment: Experiment) -> bool:
    """Whether an experiment was imported: it can be looked at, reviewed and exported, but not played."""
    return experiment.settings.recipe == IMPORTED


def edited(store: Store, repair_id: str, text: str) -> Trajectory:
    """A person's text in place of the last turn of a failed trace, stored and judged by rule; no model is asked.

    With it `review.decide` can record the edit. UsageError where nothing could judge it.
    """
    repair = store.repairs.get(repair_id)
    failed = store.episodes.get(repair.failed)
    if failed.team != IMPORTED or repair.turn != len(failed.turns) - 1:
        raise UsageError("only the last turn of an imported trace can be edited without its team")
    if not text.strip():
        raise UsageError("the edited text is empty")
    task = store.episodes.task(failed.task)
    if not task.answer:
        raise UsageError("the file states no answer to this problem: nothing can judge an edit")
    again = said_otherwise(failed, text, lambda played: rewards.right(task, played))
    store.episodes.add([again])
    return again


def keep(store: Store, experiment: str) -> dict[str, int]:
    """Make the library: every right trace, and what people let in; {role: examples}. Its decisions stand from then on.

    What nobody has decided stays out. Done again, it changes nothing.
    """
    e = store.experiments.get(experiment)
    if not imported(e):
        raise UsageError(f"{experiment} was not imported: its rounds make its libraries")
    if not whole(store, experiment):
        raise UsageError(f"the import of {experiment} is not finished: import the file again")
    if made := store.weights.training_sets(experiment, ROUND):
        return {row["model"]: row["n"] for row in made}
    decided = store.repairs.decisions(experiment, ROUND)
    sets = derived(store, e)
    if not sets:
        raise UsageError(f"nothing of {experiment} is right, and nobody has let anything in: there is no library")
    with store.write():
        if store.repairs.decisions(experiment, ROUND) != decided:
            raise UsageError(f"somebody decides on {experiment} at this moment: make its library again")
        review.close(store, experiment, ROUND)
        for model, chosen in sets.items():
            store.weights.add_training_set(experiment, ROUND, model, [one.row() for one in chosen])
    return {model: len(chosen) for model, chosen in sets.items()}


def derived(store: Store, experiment: Experiment) -> dict[str, list[Example]]:
    """{role: its examples}, as they follow from the traces and the decisions that stand now."""
    admitted, by_people = review.admitted(store, experiment.id, ROUND, ROUND)
    threshold = experiment.settings.threshold
    plays = store.episodes.find(experiment.id, phase=PHASE, min_reward=threshold, whole=False)
    library = Library((*plays, *admitted), by_people, threshold)
    examples = [example for t in library.successes() for example in library.credited(t)]
    return dict(per_model(examples, recipes.get(experiment.settings).model_of))
