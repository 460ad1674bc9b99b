"""What the pages, the notebooks, Datasette and any other reader of the file share: how one fact leads to the next.

The third migration makes all of it; views of the first are dropped before, where one of the same name stands. A
training set never changes once it stands, so what is counted in it is counted once, when it is made (`COUNT`).
"""

from __future__ import annotations

FREQUENT = 20  # replies of a training set that are kept with their number, most frequent first

COLUMNS = """
ALTER TABLE training_set ADD COLUMN direct INTEGER NOT NULL DEFAULT 0;
ALTER TABLE training_set ADD COLUMN repaired INTEGER NOT NULL DEFAULT 0;
ALTER TABLE training_set ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;
ALTER TABLE training_set ADD COLUMN distinct_examples INTEGER NOT NULL DEFAULT 0;
ALTER TABLE training_set ADD COLUMN lucky INTEGER NOT NULL DEFAULT 0;
ALTER TABLE training_set ADD COLUMN checked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE training_set ADD COLUMN frequent TEXT NOT NULL DEFAULT '[]';
CREATE INDEX example_source ON example(training_set, source);
CREATE INDEX review_replay ON review(replay) WHERE replay IS NOT NULL;
CREATE INDEX update_training_set ON update_step(training_set);
"""

COUNTED = ("direct", "repaired", "edited", "distinct_examples", "lucky", "checked", "frequent")
"""Columns of a training set that are derived from its examples. ``lucky`` of ``checked`` examples, those whose steps
could be checked, are right by wrong steps; ``frequent`` is JSON, [[position of the first, how many], ...]."""



def counts(of: str) -> str:
    """The query of the derived columns of the training set that the SQL expression ``of`` names."""
    return f"""
  SELECT coalesce(sum(e.source = 'direct'), 0) AS direct, coalesce(sum(e.source = 'repaired'), 0) AS repaired,
         coalesce(sum(e.source = 'edited'), 0) AS edited, count(DISTINCT e.content) AS distinct_examples,
         coalesce(sum(t.lucky), 0) AS lucky, count(t.lucky) AS checked,
         (SELECT json_group_array(json_array(position, n)) FROM
           (SELECT min(position) AS position, count(*) AS n FROM example WHERE training_set = {of} GROUP BY content
            ORDER BY n DESC, position LIMIT {FREQUENT})) AS frequent
  FROM example e JOIN trajectory t ON t.id = e.trajectory WHERE e.training_set = {of}"""


COUNT = f"UPDATE training_set AS s SET ({', '.join(COUNTED)}) = ({counts('s.id')})"
"""Count what stands in training sets; add a WHERE on ``s`` for some of them."""

VIEWS = {
    # One row per example of a training set, with where it came from and whose weights it changed. An example stands
    # here once, whatever happened to its replay: of several repairs that lead to it the one that was decided last.
    "v_provenance": """
  SELECT s.experiment, s.round, s.model, s.id AS training_set, e.position, e.trajectory, e.turn, e.source, e.weight,
         e.content, t.task, t.parent, r.id AS repair, r.critic, r.critique, r.mend, d.verdict, d.author, d.reason,
         d.before AS hash_before, d.after AS hash_after, u.after AS checkpoint
  FROM example e JOIN training_set s ON s.id = e.training_set JOIN trajectory t ON t.id = e.trajectory
  LEFT JOIN review d ON d.seq = (
    SELECT max(v.seq) FROM review v WHERE v.replay = e.trajectory AND v.verdict IN ('accept', 'edit')
    AND v.seq = (SELECT max(w.seq) FROM review w WHERE w.repair = v.repair))
  LEFT JOIN repair r ON r.seq = coalesce(
    (SELECT seq FROM repair WHERE id = d.repair), (SELECT min(seq) FROM repair WHERE replay = e.trajectory))
  LEFT JOIN update_step u
    ON u.training_set = s.id AND u.experiment = s.experiment AND u.round = s.round AND u.model = s.model""",
    # One row per training set: how many examples, from where, how many of them lucky.
    "v_training_set": """
  SELECT experiment, round, model, id AS training_set, hash, n AS examples, distinct_examples, direct, repaired,
         edited, lucky, checked, CASE WHEN checked THEN 1.0 * lucky / checked END AS lucky_share
  FROM training_set""",
    # One row per model's fine-tuning: training set to checkpoint, the gate's verdict, the team's test before and after.
    "v_update": """
  SELECT u.experiment, u.round, u.model, u.training_set, s.hash AS training_set_hash, s.n AS examples,
         u.before AS checkpoint_before, u.after AS checkpoint_after, u.steps, u.tokens, u.seconds,
         CASE WHEN g.models IS NULL THEN NULL
              ELSE coalesce((SELECT value = u.after FROM json_each(g.models) WHERE key = u.model), 0) END AS kept,
         json_extract(g.verdict, '$.validation.n') AS validation_n,
         json_extract(g.verdict, '$.validation.before') AS validation_right_before,
         json_extract(g.verdict, '$.validation.after') AS validation_right_after,
         json_extract(b.body, '$.n') AS n_before, json_extract(b.body, '$.correct') AS correct_before,
         json_extract(b.body, '$.accuracy') AS accuracy_before, json_extract(a.body, '$.n') AS n_after,
         json_extract(a.body, '$.correct') AS correct_after, json_extract(a.body, '$.accuracy') AS accuracy_after,
         json_extract(a.body, '$.gained') AS gained, json_extract(a.body, '$.lost') AS lost,
         json_extract(a.body, '$.p_vs_previous') AS p_paired
  FROM update_step u JOIN training_set s ON s.id = u.training_set
  LEFT JOIN gate g ON g.experiment = u.experiment AND g.round = u.round
  LEFT JOIN report a ON a.experiment = u.experiment AND a.round = u.round
  LEFT JOIN report b ON b.experiment = u.experiment AND b.round = u.round - 1""",
    # One row per decision that was ever made, undone ones and undos too.
    "v_decision_history": """
  SELECT p.experiment, p.round, p.phase, r.seq, r.repair, p.failed, p.turn, p.role, r.author, r.verdict, r.reason,
         r.before AS hash_before, r.after AS hash_after, r.text, r.replay, r.seconds, r.created_at,
         r.verdict <> 'undo' AND r.seq = (SELECT max(seq) FROM review WHERE repair = r.repair) AS in_force
  FROM review r JOIN repair p ON p.id = r.repair""",
    # One row per person and experiment. A planted repair is caught by whoever does not accept it as it is; a flag and
    # a blind judgement are of an item of the queue, a repair or a planted one.
    "v_person": """
  WITH item(id, experiment) AS (SELECT id, experiment FROM repair UNION ALL SELECT id, experiment FROM planted),
  act(experiment, author, kind, seconds) AS (
    SELECT p.experiment, r.author, r.verdict, r.seconds FROM review r JOIN repair p ON p.id = r.repair UNION ALL
    SELECT i.experiment, f.author, 'flag', NULL FROM flag f JOIN item i ON i.id = f.repair WHERE f.raised UNION ALL
    SELECT i.experiment, j.author, 'judgement', NULL FROM judgement j JOIN item i ON i.id = j.repair UNION ALL
    SELECT p.experiment, o.author, 'opinion', NULL FROM opinion o JOIN repair p ON p.id = o.repair UNION ALL
    SELECT p.experiment, v.author, iif(v.verdict = 'accept', 'planted missed', 'planted caught'), NULL
    FROM planted_review v JOIN planted p ON p.id = v.planted WHERE v.verdict <> 'undo'
    AND v.seq = (SELECT max(seq) FROM planted_review WHERE planted = v.planted))
  SELECT experiment, author, sum(kind IN ('accept', 'edit', 'reject')) AS decisions, sum(kind = 'accept') AS accepted,
         sum(kind = 'edit') AS edited, sum(kind = 'reject') AS rejected, sum(kind = 'undo') AS undone,
         avg(CASE WHEN kind IN ('accept', 'edit', 'reject') THEN seconds END) AS mean_seconds,
         sum(kind = 'flag') AS flags, sum(kind = 'judgement') AS judgements, sum(kind = 'opinion') AS opinions,
         sum(kind LIKE 'planted%') AS planted_seen, sum(kind = 'planted caught') AS planted_caught
  FROM act GROUP BY experiment, author""",
}
