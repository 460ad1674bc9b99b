"""The presets that ship: what each changes in the settings' defaults, which are the quickstart."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "quickstart": {},
    "tiny": {
        "rounds": 2,
        "problems": 24,
        "max_solutions": 2,
        "max_repairs": 16,
        "validation": 16,
        "heldout": 24,
        "new_wordings": 12,
        "withheld_forms": 12,
        "controls": 6,
        "chunk": 24,
        "epochs": 1,
        "batch": 16,
    },
    # Few problems, gentle steps: it ends at 50 to 75 %, so that recipes can be told apart.
    "contrast": {
        "rounds": 2,
        "problems": 200,
        "max_solutions": 4,
        "rate": 9e-4,
        "cooling": 1.0,
        "heldout": 2000,
        "interim": 500,
        "new_wordings": 0,
        "withheld_forms": 0,
        "controls": 0,
    },
    "actor-critic": {
        "recipe": "actor_critic",
        "base": "sceptic",
        "rounds": 3,
        "problems": 200,
        "max_solutions": 4,
        "rate": 8e-4,
        "heldout": 800,
        "interim": 300,
        "new_wordings": 0,
        "withheld_forms": 0,
        "controls": 0,
    },
    # (problems, threshold): what counts as a game that came out well, a little above an even deal where that is common.
    **{source.replace("_", "-"): {
        "recipe": "self_play",
        "source": source,
        "base": "trader",
        "rounds": 2,
        "problems": problems,
        "threshold": threshold,
        "max_solutions": 2,
        "epochs": 4,
        "validation": 200,
        "heldout": 400,
        "interim": 200,
        "new_wordings": 0,
        "withheld_forms": 200,
        "controls": 0,
        "matrix": 500,
    } for source, problems, threshold in (
        ("sell_and_buy", 800, 0.6), ("ultimatum", 600, 0.55), ("resource_exchange", 400, 0.5))},
}
