"""Everything that the fuzzer ever kept, read once more without it; and what a fuzzer can't come to."""

import os
from pathlib import Path

import pytest

from fuzz import bounds, corpus
from fuzz.table import TARGETS

_FUZZ = Path(__file__).parents[3] / "fuzz"
_CRASHES = sorted(path for path in _FUZZ.glob("crashes/*/*"))


@pytest.mark.parametrize("name", TARGETS)
def test_the_kept_corpus_breaks_no_promise(name: str) -> None:
    for data in corpus.kept(name):
        bounds.run(TARGETS[name].run, data)


@pytest.mark.parametrize("name", TARGETS)
def test_no_seed_breaks_a_promise(name: str) -> None:
    for number, seed in enumerate(TARGETS[name].seeds()):
        if number % 10 == 0:
            bounds.run(TARGETS[name].run, seed)


@pytest.mark.parametrize("crash", _CRASHES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_once_broke_a_promise_does_no_more(crash: Path) -> None:
    bounds.run(TARGETS[crash.parent.name].run, crash.read_bytes())


def test_everything_is_of_a_target_and_small() -> None:
    files = sorted(corpus.FOLDER.iterdir())
    assert {path.stem for path in files} <= TARGETS.keys()
    assert {path.parent.name for path in _CRASHES} <= TARGETS.keys()
    assert len(files) > 20
    assert sum(path.stat().st_size for path in files) <= 512 * 1024


def test_a_target_that_raises_or_takes_too_long_is_told() -> None:
    def slow(data: bytes) -> None:
        while True:
            if sum(os.times()[:2]) > started + bounds.MOST_S + 0.1:
                return

    started = sum(os.times()[:2])
    with pytest.raises(bounds.TooSlow):
        bounds.run(slow, b"")
    with pytest.raises(ZeroDivisionError):
        bounds.run(lambda data: print(1 // len(data)), b"")
