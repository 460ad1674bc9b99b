"""One BLAS thread per test process, as in a run: no result hangs on threads, and workers do not fight for cores."""

from __future__ import annotations

import os

from hypothesis import settings

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

settings.register_profile("lab", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("lab")
