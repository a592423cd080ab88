"""Small wheels for tests, written by hand: a name, a version, files."""

import zipfile
from collections.abc import Mapping
from pathlib import Path


def write_wheel(folder: Path, name: str, files: Mapping[str, str | bytes], *, version: str = "1.0") -> str:
    """Write a pure wheel and return the requirement that names it: ``name @ file:///...``."""
    information = f"{name}-{version}.dist-info"
    everything: dict[str, str | bytes] = {
        **files,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nA long description.\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*everything, f"{information}/RECORD"))
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in (*everything.items(), (f"{information}/RECORD", record)):
            archive.writestr(path, content)
    return f"{name} @ {target.as_uri()}"
