"""Writes a set of files completely or not at all.

Everything is first written to a temporary folder on the same disk; then files move to their places one by one, each
move atomic. If one of them fails, those before it are undone. Symbolic links are never followed out of the folder.
"""

import os
import shutil
import tempfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from agent_framework.errors import ProjectError


def is_free(root: Path) -> bool:
    """Whether a new folder may be made at ``root``: nothing is there, or an empty folder."""
    if not os.path.lexists(root):
        return True
    try:
        return root.is_dir() and not root.is_symlink() and not any(root.iterdir())
    except PermissionError:
        return False


def existing_files(root: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Those of ``names`` that are there already."""
    return tuple(name for name in names if os.path.lexists(root / name))


def create_folder(root: Path, files: Mapping[str, str]) -> None:
    """Make the folder ``root`` (see `is_free`) with ``files``: texts by relative path.

    Raises:
        ProjectError: it could not be written; nothing is left of it.
    """
    with _errors(root), _staged(files, beside=root.parent, name=root.name) as new:
        new.rename(root)


def write_into(root: Path, files: Mapping[str, str]) -> None:
    """Write ``files`` into the existing folder ``root``, in their order; files that are there are replaced.

    Raises:
        ProjectError: one of them could not be written; all is as it was.
    """
    for name in files:
        _check_place(root, root / name)
    with _errors(root), _staged(files, beside=root, name=root.name) as new, ExitStack() as undo:
        for name in files:
            _move(new / name, root / name, new.parent / "before" / name, undo)
        undo.pop_all()


def _check_place(root: Path, target: Path) -> None:
    inside = target.parent.resolve().is_relative_to(root.resolve())
    if not inside or target.is_symlink():
        raise ProjectError(f"{target} is, or lies behind, a symbolic link; put the file itself there, then try again")
    if target.is_dir():
        raise ProjectError(f"{target} is a folder, and a file has to be written there")


def _move(source: Path, target: Path, backup: Path, undo: ExitStack) -> None:
    for folder in reversed([parent for parent in target.parents if not parent.exists()]):
        folder.mkdir()
        undo.callback(_remove_folder, folder)
    if target.exists():
        backup.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(target, backup)
        shutil.copymode(target, source)
        undo.callback(os.replace, backup, target)
    else:
        undo.callback(target.unlink, missing_ok=True)
    os.replace(source, target)


def _remove_folder(folder: Path) -> None:
    with suppress(OSError):  # somebody else has put something there meanwhile; it is theirs
        folder.rmdir()


@contextmanager
def _staged(files: Mapping[str, str], *, beside: Path, name: str) -> Generator[Path, None, None]:
    temporary = Path(tempfile.mkdtemp(prefix=f".{name}-new-", dir=beside))
    try:
        new = temporary / "new"
        new.mkdir()
        for path, text in files.items():
            target = new / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="")
        yield new
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _errors(root: Path) -> Generator[None, None, None]:
    try:
        yield
    except OSError as exc:
        place = f" ({exc.filename})" if exc.filename else ""
        raise ProjectError(f"{root} could not be written: {exc.strerror or exc}{place}; nothing was changed") from exc
