"""`python -m fuzz`: every target for its share of a budget; `--keep` minimises what was found."""

import argparse
import os
import re
import resource
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from . import bounds, corpus, words
from .table import TARGETS, Target

HERE = Path(__file__).parent
CRASHES = HERE / "crashes"
WORK = HERE.parent / ".fuzz"
_TAIL_BYTES = 256 * 1024
KEPT_BYTES = 8 * 1024
"""Of one target's corpus, at most."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one target. `cpu_s` includes loading it; `crash` is the file that broke it."""

    name: str
    cpu_s: float
    executions: int
    per_s: int
    files: int
    kib: int
    crash: Path | None = None
    failure: str = ""


def main() -> int:
    """1 if any target crashed or could not be run."""
    arguments = _arguments()
    names = arguments.targets or list(TARGETS)
    if arguments.keep:
        for name in names:
            _keep(name)
        return 0
    whole = sum(TARGETS[name].weight for name in names)
    print(
        f"{'target':20} {'cpu s':>7} {'executions':>11} {'per s':>7} {'corpus':>7} {'KiB':>5}  crash"
    )
    failed = False
    for name in names:
        seconds = max(2, arguments.seconds * TARGETS[name].weight // whole)
        outcome = _fuzz(name, seconds, arguments.seed)
        failed |= outcome.crash is not None or bool(outcome.failure)
        print(_row(outcome), flush=True)
        if arguments.log:
            with arguments.log.open("ab") as log:
                log.write(msgspec.json.encode(outcome, enc_hook=str) + b"\n")
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="for all targets together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="write the least corpus to fuzz/corpus")
    parser.add_argument("--log", type=Path, help="append a line of JSON per target")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    return parser.parse_args()


def _fuzz(name: str, seconds: int, seed: int) -> Outcome:
    target = TARGETS[name]
    found, given = _prepare(name, target)
    crashes = CRASHES / name
    crashes.mkdir(parents=True, exist_ok=True)
    before = {*crashes.iterdir()}
    flags = [
        *(f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={target.max_bytes}"),
        *(f"-timeout={bounds.HANGS_S}", "-print_final_stats=1", "-verbosity=1"),
        *(f"-artifact_prefix={crashes}/", f"-dict={WORK / name}.dict"),
        *(str(found), str(given)),
    ]
    started_s = _children_s()
    with (WORK / f"{name}.log").open("w+b") as log:
        ended = subprocess.run(
            [sys.executable, "-m", "fuzz.one", name, *flags],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=HERE.parent,
            check=False,
        )
        # The child's greatest size begins as ours (getrusage(2)): no whole log in our memory.
        log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
        text = log.read().decode("utf-8", "replace")
    crash = next(iter({*crashes.iterdir()} - before), None)
    if not any(crashes.iterdir()):
        crashes.rmdir()
    if crash is not None:
        _explain(name, crash, text)
    executions = max([int(n) for n in re.findall(r"^#(\d+)\s", text, re.MULTILINE)], default=0)
    cpu_s = _children_s() - started_s
    files = [*found.iterdir()]
    return Outcome(
        name=name,
        cpu_s=round(cpu_s, 1),
        executions=executions,
        per_s=round(executions / max(cpu_s, 0.1)),
        files=len(files),
        kib=sum(file.stat().st_size for file in files) // 1024,
        crash=crash,
        failure="" if crash or not ended.returncode else f"exit status {ended.returncode}",
    )


def _prepare(name: str, target: Target) -> tuple[Path, Path]:
    """The folders of what is found and of the seeds, the kept ones among them; the dictionary."""
    found, given = WORK / "corpus" / name, WORK / "seeds" / name
    for folder in (found, given):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate((*target.seeds(), *corpus.kept(name))):
        (given / f"{number:05}").write_bytes(seed)
    (WORK / f"{name}.dict").write_text(words.as_file(target.words))
    return found, given


def _explain(name: str, crash: Path, text: str) -> None:
    told = re.search(r"=== Uncaught Python exception: ===\n(.*?)\n==\d+==", text, re.DOTALL)
    print(f"\n{name}: {crash}")
    print(told[1] if told else text[-3000:])
    print(f"again: {sys.executable} -m fuzz.again {name} {crash}\n")


def _keep(name: str) -> None:
    """Keep the fewest and shortest inputs that cover what all the found ones do."""
    target = TARGETS[name]
    found, given = _prepare(name, target)
    with tempfile.TemporaryDirectory(prefix="netsonde-fuzz-") as folder:
        # libFuzzer starts itself again for each attempt, by its own name and nothing else.
        launcher = Path(folder, "launcher")
        launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fuzz.one {name} "$@"\n')
        launcher.chmod(launcher.stat().st_mode | stat.S_IXUSR)
        least = Path(folder, "least")
        least.mkdir()
        subprocess.run(
            [
                *(sys.executable, "-m", "fuzz.one", name, "-merge=1", f"-timeout={bounds.HANGS_S}"),
                *(f"-max_len={target.max_bytes}", str(least), str(found), str(given)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=HERE.parent,
            env={**os.environ, "NETSONDE_FUZZ_LAUNCHER": str(launcher)},
            check=True,
        )
        seeds = {*target.seeds()}
        inputs: list[bytes] = []
        size = 0
        for file in sorted(least.iterdir(), key=lambda file: (file.stat().st_size, file.name)):
            data = file.read_bytes()
            if data in seeds or size + len(data) > KEPT_BYTES:
                continue
            inputs.append(data)
            size += len(data)
        corpus.keep(name, inputs)
    print(f"{name:20} {len(inputs):5} inputs {size:7} bytes kept", flush=True)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _row(outcome: Outcome) -> str:
    end = outcome.failure or (outcome.crash.name[:20] if outcome.crash else "-")
    return (
        f"{outcome.name:20} {outcome.cpu_s:7} {outcome.executions:11} {outcome.per_s:7} "
        f"{outcome.files:7} {outcome.kib:5}  {end}"
    )


if __name__ == "__main__":
    sys.exit(main())
