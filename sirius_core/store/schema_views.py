"""The views that the pages, the notebooks and any other reader of the file share: how one fact leads to the next.

The third migration makes them; the first's are dropped before, where one of the same name stands.
"""

from __future__ import annotations

VIEWS = {
    "v_provenance": """
  SELECT s.experiment, s.round, s.model, s.id AS training_set, e.position, e.trajectory, e.turn, e.source, e.weight,
         e.content, t.task, t.parent, r.id AS repair, r.critic, r.critique, r.mend, d.verdict, d.author, d.reason,
         u.after AS checkpoint
  FROM example e JOIN training_set s ON s.id = e.training_set JOIN trajectory t ON t.id = e.trajectory
  LEFT JOIN v_decision d ON d.replay = e.trajectory
  LEFT JOIN repair r
    ON r.id = coalesce(d.repair, (SELECT min(id) FROM repair WHERE repair.replay = e.trajectory))
  LEFT JOIN update_step u ON u.training_set = s.id""",
}
