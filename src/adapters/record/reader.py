"""Looking back: queries on connections of their own, which never wait for the one that writes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import apsw

from ...domain.execution import Event, Execution, IllegalTransition, Recorded, Status, fold
from .codec import decode
from .database import open_reader

Newer = Callable[[str], tuple[Event, ...]]


class Reader:
    """For any thread. Every method raises apsw.Error or OSError when the file can't be read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[apsw.Connection] = []
        self._closed = False

    def events(self, execution_id: str) -> tuple[Event, ...]:
        """All that is kept of one execution; of progress, the last word."""
        with self._connection() as connection:
            rows = [
                *connection.execute(
                    "SELECT number, body, texts FROM events "
                    "WHERE execution = ? AND execution <> '' AND kind IN (0, 2)",
                    (execution_id,),
                ),
                *connection.execute(_LAST_PROGRESS, (execution_id,)),
            ]
        rows.sort()
        return tuple(event for _, body, texts in rows if (event := decode(body, texts)))

    def executions(
        self, before: int | None, limit: int, asked_by: str | None
    ) -> list[tuple[int, Execution]]:
        """The newest executions first, without texts; those whose events make no sense are left out."""
        found: list[tuple[int, Execution]] = []
        bound = (1 << 62) if before is None else before
        with self._connection() as connection:
            rows = (
                connection.execute(_NEWEST, (bound,))
                if asked_by is None
                else connection.execute(_NEWEST_OF_ONE, (bound, asked_by))
            )
            for number, execution_id in rows:
                if len(found) >= limit:
                    break
                try:
                    found.append((number, _fold(connection, execution_id)))
                except IllegalTransition:
                    continue
        return found

    def unfinished(self) -> list[Execution]:
        """Executions without an end among the newest ones, without texts."""
        found: list[Execution] = []
        with self._connection() as connection:
            for (execution_id,) in connection.execute(_UNFINISHED).fetchall():
                try:
                    found.append(_fold(connection, str(execution_id)))
                except IllegalTransition:
                    continue
        return found

    def since(self, number: int, limit: int) -> tuple[Recorded, ...]:
        """The next events of executions, without texts."""
        found: list[Recorded] = []
        with self._connection() as connection:
            for stored, body in connection.execute(
                "SELECT number, body FROM events WHERE number > ? AND execution <> '' "
                "ORDER BY number",
                (number,),
            ):
                if len(found) >= limit:
                    break
                if (event := decode(body)) is not None:
                    found.append(Recorded(stored, event))
        return tuple(found)

    def close(self) -> None:
        """Let go of the file; what is being read is read to its end."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _connection(self) -> Iterator[apsw.Connection]:
        """A connection for one thread, in a transaction: every query of it sees the same state."""
        with self._lock:
            if self._closed:
                raise OSError("the record is closed")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = open_reader(self._path)
        try:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)

    def _give_back(self, connection: apsw.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()


_NEWEST = (
    "SELECT number, execution FROM events WHERE asked_by IS NOT NULL AND number < ? "
    "ORDER BY number DESC"
)
_NEWEST_OF_ONE = (
    "SELECT number, execution FROM events WHERE number < ? AND asked_by = ? ORDER BY number DESC"
)
_UNFINISHED = """
SELECT execution FROM
  (SELECT execution FROM events WHERE asked_by IS NOT NULL ORDER BY number DESC LIMIT 10000) AS asked
WHERE NOT EXISTS (
  SELECT 1 FROM events
  WHERE events.execution = asked.execution AND events.execution <> '' AND events.kind = 2
)
"""
_LAST_PROGRESS = (
    "SELECT number, body, texts FROM events "
    "WHERE execution = ? AND execution <> '' AND kind = 1 ORDER BY number DESC LIMIT 1"
)


def _fold(connection: apsw.Connection, execution_id: str) -> Execution:
    events = [
        decode(body)
        for (body,) in connection.execute(
            "SELECT body FROM events WHERE execution = ? AND execution <> '' AND kind IN (0, 2) "
            "ORDER BY number",
            (execution_id,),
        )
    ]
    execution = fold(event for event in events if event is not None)
    if execution.status is Status.RUNNING:
        last = connection.execute(_LAST_PROGRESS, (execution_id,)).fetchone()
        if last is not None and (event := decode(last[1])) is not None:
            execution = fold(one for one in (*events, event) if one is not None)
    return execution
