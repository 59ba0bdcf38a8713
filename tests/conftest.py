from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

# Sums that are divided among threads may be added in another order each time: what is compared bit for bit is not.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

from labelled_logs import ROOT, SAMPLES, Sample

# The same examples on every machine by default; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", derandomize=False, deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

#: What tests start as programs: trainings of users, which would train when imported, and what runs them.
collect_ignore_glob = ["record/scripts/*", "record/forking.py"]


@pytest.fixture(scope="session", autouse=True)
def _own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps what the tests store out of the store of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANLOG_STORE", str(tmp_path_factory.mktemp("store")))
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return ROOT


@pytest.fixture(scope="session", params=SAMPLES, ids=lambda sample: f"{sample.dialect}-{sample.id}")
def sample(request: pytest.FixtureRequest) -> Sample:
    """Each real log in turn."""
    found: Sample = request.param
    return found


@pytest.fixture(scope="session")
def sample_log() -> Callable[[str], Path]:
    """``sample_log("nan_label_debug")`` is what nanlog is given of that case: its log, or its folder."""
    logs = {sample.id: sample.log for sample in SAMPLES}
    return logs.__getitem__
