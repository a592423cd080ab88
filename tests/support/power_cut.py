"""A disk that remembers every write and sync, and what would be left of its files after a power cut.

SQLite writes through a VFS in Python (apsw). At a cut, each file has what was written before its last sync; anything
later is lost. The shared memory of WAL cannot go through it, so there is one connection, which locks the file for good.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw


@dataclass(frozen=True)
class Entry:
    """What happened: ``write``, ``truncate``, ``sync`` or ``delete`` of a file, or something was ``acknowledged``."""

    what: str
    name: str = ""
    offset: int = 0
    data: bytes = b""
    told: Any = None


@dataclass
class Disk:
    """The log of all files."""

    log: list[Entry] = field(default_factory=list[Entry])

    def acknowledge(self, told: Any) -> None:
        """Somebody was told that ``told`` is stored."""
        self.log.append(Entry("acknowledged", told=told))

    def after_cut(self, end: int) -> dict[str, bytes]:
        """The files as they are when power fails after ``end`` entries."""
        written: dict[str, bytearray] = {}
        durable: dict[str, bytes] = {}
        for entry in self.log[:end]:
            content = written.setdefault(entry.name, bytearray())
            match entry.what:
                case "write":
                    content.extend(bytes(max(0, entry.offset + len(entry.data) - len(content))))
                    content[entry.offset : entry.offset + len(entry.data)] = entry.data
                case "truncate":
                    del content[entry.offset :]
                case "sync":
                    durable[entry.name] = bytes(content)
                case "delete":
                    written.pop(entry.name)
                    durable.pop(entry.name, None)
        return durable

    def acknowledged(self, end: int) -> list[Any]:
        """What was acknowledged among the first ``end`` entries."""
        return [entry.told for entry in self.log[:end] if entry.what == "acknowledged"]


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._name = Path(name if isinstance(name, str) else name.filename()).name

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.log.append(Entry("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._disk.log.append(Entry("truncate", self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._disk.log.append(Entry("sync", self._name))
        super().xSync(flags)


class _Vfs(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.name = f"recording-{id(disk)}"
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> _File:
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self._disk.log.append(Entry("delete", Path(filename).name))
        super().xDelete(filename, syncdir)


class RecordedConnection:
    """What the product uses of ``sqlite3.Connection``, over the recording VFS; ``synchronous`` replaces its own."""

    def __init__(self, path: Path, vfs: _Vfs, synchronous: str | None) -> None:
        self._connection = apsw.Connection(str(path), vfs=vfs.name)
        self._synchronous = synchronous
        self.row_factory: Any = None
        self.execute("PRAGMA locking_mode=EXCLUSIVE")

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def create_function(self, name: str, arguments: int, function: Any) -> None:
        self._connection.create_scalar_function(name, function, arguments)

    def execute(self, sql: str, params: Mapping[str, Any] | Sequence[Any] = ()) -> "_Cursor":
        if self._synchronous and sql.startswith("PRAGMA synchronous="):
            sql = f"PRAGMA synchronous={self._synchronous}"
        return _Cursor(self._connection.execute(sql, params or None))

    def executemany(self, sql: str, many: Sequence[Any]) -> "_Counted":
        before = self._connection.total_changes()
        self._connection.executemany(sql, many)
        return _Counted(self._connection.total_changes() - before)

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True)
class _Counted:
    rowcount: int


class _Cursor:
    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in self._cursor:
            yield dict(zip((column[0] for column in self._cursor.get_description()), row, strict=True))

    def fetchall(self) -> list[dict[str, Any]]:
        return list(self)


def recording(disk: Disk, *, synchronous: str | None = None) -> Any:
    """A ``sqlite3.connect`` whose files are recorded on ``disk``."""
    vfs = _Vfs(disk)

    def connect(path: Path, **options: Any) -> RecordedConnection:
        return RecordedConnection(path, vfs, synchronous)

    return connect


def reopened(files: Mapping[str, bytes], folder: Path, name: str) -> sqlite3.Connection | None:
    """The database after the cut, read by SQLite as it is; None where not even the file is there."""
    if name not in files:
        return None
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    return sqlite3.connect(folder / name)
