"""Notes on investing: those of S3 Vectors where the environment names them, else the local ones.

The local notes are the Markdown files of ``notes/``, one subject each, searched without a model: the words of a
question against those of the notes (BM25). Where S3 Vectors cannot be searched the local notes are, and the answer says
why. A search that cannot be made at all finds nothing; a report goes without.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .vectors import SearchError, VectorIndex

FOLDER = Path(__file__).with_name("notes")
_WORD = re.compile(r"[a-z][a-z0-9]+")
_COMMON = frozenset(
    _WORD.findall("an and are as at be but by for from has have in is it its not of on or that the this to with")
)
_SATURATION, _LENGTH = 1.5, 0.75


@dataclass(frozen=True, slots=True)
class Note:
    """One note."""

    title: str
    text: str

    @property
    def words(self) -> Counter[str]:
        """Its words, those of the title three times."""
        return _words(f"{self.title} {self.title} {self.title} {self.text}")


def find(question: str, *, offline: bool, limit: int = 3) -> dict[str, Any]:
    """The notes that fit best, as `search` gives them; ``source`` is ``s3vectors`` or ``local``.

    An offline run sends nothing anywhere, so it searches the local notes.
    """
    stored = None if offline else VectorIndex.from_environment()
    if stored is None:
        return search(question, limit=limit)
    try:
        return {"status": "ok", "reason": None, "source": "s3vectors", "notes": stored.search(question, limit)}
    except SearchError as exc:
        return {**search(question, limit=limit), "reason": str(exc)}


def search(question: str, *, folder: Path = FOLDER, limit: int = 3) -> dict[str, Any]:
    """The notes that fit best: ``{status, reason, source, notes}``; status is ``ok`` or ``unavailable``."""
    try:
        notes = [_read(file) for file in sorted(folder.glob("*.md"))]
    except (OSError, UnicodeDecodeError) as exc:
        return _unavailable(f"the notes cannot be read: {exc}")
    if not notes:
        return _unavailable(f"there are no notes in {folder.name}/")
    scores = _scores(_words(question), [note.words for note in notes])
    best = sorted(range(len(notes)), key=lambda index: -scores[index])[:limit]
    found = [{"title": notes[index].title, "text": notes[index].text} for index in best if scores[index] > 0]
    return {"status": "ok", "reason": None, "source": "local", "notes": found}


def _unavailable(reason: str) -> dict[str, Any]:
    return {"status": "unavailable", "reason": reason, "source": "local", "notes": []}


def _read(file: Path) -> Note:
    title, _, text = file.read_text("utf-8").partition("\n")
    return Note(title.lstrip("# ").strip(), " ".join(text.split()))


def _words(text: str) -> Counter[str]:
    return Counter(word.removesuffix("s") for word in _WORD.findall(text.lower()) if word not in _COMMON)


def _scores(asked: Counter[str], notes: Sequence[Counter[str]]) -> list[float]:
    usual = sum(note.total() for note in notes) / len(notes)
    scores = [0.0] * len(notes)
    for word in asked:
        having = sum(1 for note in notes if word in note)
        rarity = math.log(1 + (len(notes) - having + 0.5) / (having + 0.5))
        for index, note in enumerate(notes):
            often = note[word]
            length = 1 - _LENGTH + _LENGTH * note.total() / usual
            scores[index] += rarity * often * (_SATURATION + 1) / (often + _SATURATION * length)
    return scores
