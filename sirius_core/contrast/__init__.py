"""Arms on the same problems and seeds: which recipe is better, and how sure that is.

`plan` says what is compared; `first_look` is the comparison to begin with on one's own task.
"""

from .first_look import FIRST_LOOK, THRIFTY, Arm, begin, lines, table
from .plan import EQUAL, HELD, Plan, from_dict, read

__all__ = ["EQUAL", "FIRST_LOOK", "HELD", "THRIFTY", "Arm", "Plan", "begin", "from_dict", "lines", "read", "table"]
