"""Objects as files of a folder: locks, notes, and writes that are whole or not at all. Everything here blocks.

An object is a plain file under its key. Its type and hash stand in a note in ``.meta/notes``, named after the hash of
the key. File and note change together under a lock that processes share, and in an order in which a crash leaves the
old object or the new one: while a file is replaced, its note describes both.

``.meta/tmp`` holds what is being written; what a crash left there is removed after a day.
"""

import errno
import hashlib
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent_framework.errors import ProviderError, StorageKeyError, StoredObjectChangedError, StoredObjectMissingError
from agent_framework.infrastructure._json import to_object
from agent_framework.infrastructure.storage.base import CHUNK_BYTES, StoredObject, check_key
from agent_framework.types import JSONDict, is_object

if sys.platform != "win32":
    import fcntl

META = ".meta"
STALE_S = 86_400.0
_PASSING = frozenset(
    {
        errno.EAGAIN,
        errno.EBUSY,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EIO,
        errno.ENOTCONN,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)
"""What a file system of the network answers while it is away."""
_one_process = threading.Lock()


class Draft:
    """A file that is being written, with its hash and size so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._file = path.open("xb")
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of what was written."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        self._file.write(chunk)
        self._digest.update(chunk)
        self.size_bytes += len(chunk)

    def finish(self) -> None:
        """Bring everything to the disk and close the file."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def discard(self) -> None:
        """Close and remove it; nothing is left to remove once it became an object."""
        self._file.close()
        self.path.unlink(missing_ok=True)


class Folder:
    """The files under ``root``. ``label`` begins every error; ``check`` is called before anything is touched."""

    def __init__(self, root: Path, label: str, check: Callable[[], None]) -> None:
        self.root = root
        self._label = label
        self._check = check
        self._swept = False

    @contextmanager
    def errors(self, key: str, tried: str) -> Generator[None, None, None]:
        """Around work on ``key``: errors of the system become `ProviderError`."""
        try:
            yield
        except (NotADirectoryError, IsADirectoryError, FileExistsError) as exc:
            raise ProviderError(
                f"{self._label}: {key!r} cannot be {tried}: a part of the key is an object, or the key is a folder of "
                "objects; choose another key"
            ) from exc
        except OSError as exc:
            reason = exc.strerror or exc
            again = exc.errno in _PASSING
            raise ProviderError(f"{self._label}: {key!r} cannot be {tried}: {reason}", retryable=again) from exc

    def draft(self) -> Draft:
        """A new file to write to."""
        self._check()
        folder = self.root / META / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        if not self._swept:
            self._swept = True
            _sweep(folder)
        return Draft(folder / uuid.uuid4().hex)

    def commit(self, draft: Draft, key: str, content_type: str) -> StoredObject:
        """Make the draft the object ``key``."""
        path = self._path(key)
        draft.finish()
        stored = StoredObject(key, draft.size_bytes, draft.sha256, content_type, path.as_uri())
        with self._locked(key, exclusive=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            replaced = self._replaced(key, path)
            self._write_note(stored, replaced)
            os.replace(draft.path, path)
            _sync(path.parent)
            if replaced is not None:
                self._write_note(stored, None)
        return stored

    def open(self, key: str) -> tuple["Reader", StoredObject]:
        """The object's file and what is known of it, from one moment.

        Raises:
            StoredObjectMissingError, StoredObjectChangedError
        """
        path = self._path(key)
        with self._locked(key, exclusive=False):
            try:
                reader = Reader(path, self._label, key)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as exc:
                raise StoredObjectMissingError(f"{self._label}: there is no object {key!r}") from exc
            try:
                return reader, self._known(key, path)
            except BaseException:
                reader.close()
                raise

    def stat(self, key: str) -> StoredObject | None:
        """What is known of the object; None if there is none."""
        path = self._path(key)
        with self._locked(key, exclusive=False):
            return self._known(key, path) if path.is_file() else None

    def delete(self, key: str) -> bool:
        """Remove file and note; whether there was a file."""
        path = self._path(key)
        if not path.is_file():
            return False
        with self._locked(key, exclusive=True):
            try:
                path.unlink()
            except FileNotFoundError:
                return False
            _sync(path.parent)
            self._note(key).unlink(missing_ok=True)
        return True

    def keys(self, prefix: str) -> list[str]:
        """Keys that start with ``prefix``, in the order of their UTF-8 bytes. Links are left out."""
        self._check()
        above = prefix.rpartition("/")[0]
        start = self._path(above) if above else self.root
        found: list[str] = []
        for folder, folders, names in os.walk(start):
            here = Path(folder)
            if here == self.root and META in folders:
                folders.remove(META)
            for name in names:
                key = (here / name).relative_to(self.root).as_posix()
                if key.startswith(prefix) and not (here / name).is_symlink():
                    with suppress(StorageKeyError):  # not ours: no storage makes such a name
                        found.append(check_key(key))
        return sorted(found, key=str.encode)

    # -- paths, locks and notes ------------------------------------------------------------------------------

    def _path(self, key: str) -> Path:
        self._check()
        check_key(key)
        path = self.root / key
        if path.resolve() != self.root.resolve() / key:
            raise StorageKeyError(f"{self._label}: key {key!r} leads through a link; links are not followed")
        return path

    def _note(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.root / META / "notes" / name[:2] / f"{name}.json"

    @contextmanager
    def _locked(self, key: str, *, exclusive: bool) -> Generator[None, None, None]:
        """Hold the lock of the key's group, alone or with other readers. Nothing was stored where there is no lock."""
        lock = self.root / META / "locks" / hashlib.sha256(key.encode()).hexdigest()[:2]
        if exclusive:
            lock.parent.mkdir(parents=True, exist_ok=True)
        elif not lock.exists():
            yield
            return
        if sys.platform == "win32":  # readers and writers of other processes are not kept apart there
            with _one_process:
                yield
            return
        with lock.open("ab" if exclusive else "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            yield

    def _known(self, key: str, path: Path) -> StoredObject:
        """What the note says of the file; while it describes two, the file's hash decides.

        Raises:
            StoredObjectChangedError: there is no note, or none that fits.
        """
        try:
            note = to_object(self._note(key).read_bytes())
            replaced: object = note.get("replaced")
            if is_object(replaced):
                note = note if _hash(path) == note["sha256"] else replaced
            return StoredObject(
                key, int(note["size_bytes"]), str(note["sha256"]), str(note["content_type"]), path.as_uri()
            )
        except (FileNotFoundError, KeyError, TypeError, ValueError) as exc:
            raise StoredObjectChangedError(
                f"{self._label}: the hash of {key!r} is not known: it was put there by hand, or its note is lost; "
                "store it with put()"
            ) from exc

    def _replaced(self, key: str, path: Path) -> StoredObject | None:
        if not path.is_file():
            return None
        try:
            return self._known(key, path)
        except StoredObjectChangedError:
            return None

    def _write_note(self, stored: StoredObject, replaced: StoredObject | None) -> None:
        note = _described(stored) | ({"replaced": _described(replaced)} if replaced else {})
        path = self._note(stored.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.draft()
        try:
            draft.write(json.dumps(note).encode())
            draft.finish()
            os.replace(draft.path, path)
            _sync(path.parent)
        finally:
            draft.discard()


class Reader:
    """An object's open file, hashed while it is read."""

    def __init__(self, path: Path, label: str, key: str) -> None:
        self._file = path.open("rb")
        self._label = label
        self._key = key
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next ``size`` bytes, or the rest."""
        data = self._file.read(size)
        self._digest.update(data)
        return data

    def verify(self, known: StoredObject) -> None:
        """Compare what was read, all of it, with what was stored.

        Raises:
            StoredObjectChangedError: it is something else.
        """
        if self._digest.hexdigest() != known.sha256:
            raise StoredObjectChangedError(
                f"{self._label}: {self._key!r} was changed since it was stored (its hash differs); store it again"
            )

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _described(stored: StoredObject) -> JSONDict:
    return {
        "key": stored.key,
        "size_bytes": stored.size_bytes,
        "sha256": stored.sha256,
        "content_type": stored.content_type,
    }


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _sync(folder: Path) -> None:
    """Make a rename or removal in ``folder`` durable."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove what crashes left; other processes may do it at the same time."""
    stale = time.time() - STALE_S
    for path in folder.iterdir():
        with suppress(OSError):
            if path.stat().st_mtime < stale:
                path.unlink()
