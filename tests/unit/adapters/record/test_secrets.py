"""What must not be in the record is not in its files."""

import asyncio
import hashlib
from pathlib import Path

from netsonde.adapters.memory import FakeClock
from netsonde.application.gate import Credential, Gate
from netsonde.application.rates import Rates
from netsonde.domain.access import Caller, Scope
from netsonde.domain.bucket import Rate
from tests.contract.recordings import life, opened

TOKEN, WRONG = "nsd_right-token-4f1c9b", "nsd_wrong-token-77aa01"


def test_no_token_right_or_wrong_is_ever_in_the_files(tmp_path: Path) -> None:
    digest = hashlib.sha256(TOKEN.encode()).digest()
    reader = Caller(name="reader", scopes=frozenset({Scope.READ}))
    record = opened(tmp_path)
    clock = FakeClock()
    gate = Gate(
        [Credential(digest=digest, caller=reader)],
        guesses=Rates(Rate(tokens=2, per_s=60), clock),
        clock=clock,
        log=record,
    )
    for token in (TOKEN, None, WRONG, WRONG, WRONG, TOKEN):
        gate.admit(token, address="192.0.2.7", action="POST /tools/PingTool/execute")
    gate.authorize(reader, Scope.ADMIN, address="192.0.2.7", action="POST /tools/x/disable")
    for happened in life("a", reader.name):
        record.append(happened)
    asyncio.run(record.settle())
    head = record.head()
    kept = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    record.close()
    kept += b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert b"access.guessing" in kept and b"reader" in kept
    for secret in (TOKEN.encode(), WRONG.encode(), digest, digest.hex().encode()):
        assert secret not in kept
    key = (tmp_path / "audit.key").read_bytes()
    assert key not in (tmp_path / "record.db").read_bytes()
    assert head[0] == 6 + 4
