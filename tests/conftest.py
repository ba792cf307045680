"""What all tests share: how many examples a property tries."""

from __future__ import annotations

import os

from hypothesis import settings

# As nnrun starts it: a test that imports TensorFlow itself would leave it without oneDNN on processors on which that is
# not its default, and the figures of all tests after it in this process would differ from those of other processes.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
