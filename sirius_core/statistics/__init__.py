"""Intervals, paired tests and bootstraps: how sure a number is.

Right and wrong are 1 and 0 (or any reward); ``clusters`` names what was sampled together: wordings of one problem,
episodes of one task. Every bootstrap takes its ``seed``. Sentences that must not be mixed:

    wilson, clustered, cluster_bootstrap       how good is this checkpoint?
    difference                                 do these replays differ from those? (independent tries)
    mcnemar, paired_delta, changed             do these two checkpoints differ? (paired over items)
    t_interval, crossed, seeds_by_items        is this recipe better? (at least three seeds)
    resampled                                  how much do these players earn? (a table of games, drawn again together)

What each promises, and where it does not hold, stands in its docstring and is tested by simulation.
"""

from .columns import resampled
from .intervals import Interval, Paired, Values, points
from .one_checkpoint import (
    balanced_accuracy,
    cluster_bootstrap,
    clustered,
    counted,
    difference,
    mean_of_two,
    pass_at_k,
    pass_at_k_mean,
    wilson,
)
from .paired import changed, mcnemar, minimum_effect, paired_delta, significantly_lower
from .quantiles import t_quantile, t_two_sided
from .seeds import TwoWay, crossed, detectable, seeds_by_items, seeds_needed, t_interval, two_way
from .several import holm, kendall_tau

__all__ = [
    "Interval", "Paired", "TwoWay", "Values", "balanced_accuracy", "changed", "cluster_bootstrap", "clustered",
    "counted", "crossed", "detectable", "difference", "holm", "kendall_tau", "mcnemar", "mean_of_two",
    "minimum_effect", "paired_delta", "pass_at_k", "pass_at_k_mean", "points", "resampled", "seeds_by_items",
    "seeds_needed", "significantly_lower", "t_interval", "t_quantile", "t_two_sided", "two_way", "wilson",
]
