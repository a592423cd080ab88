"""Run by Lambda's Python in a process of its own: imports modules from a package's folders and tells how long it took.

Arguments: the package's folders (joined as in PYTHONPATH), a folder with what Lambda has, the modules. The last line of
the output is the answer.
"""

import importlib
import json
import os
import sys
import time


def main(folders: str, runtime: str, *modules: str) -> dict[str, object]:
    """Import the modules in their order."""
    sys.path[:0] = folders.split(os.pathsep)
    sys.path.append(runtime)
    started = time.perf_counter()
    try:
        for name in modules:
            importlib.import_module(name)
    except ModuleNotFoundError as exc:
        return {"missing": exc.name or str(exc)}
    except Exception as exc:  # whatever the project's code raises is told, not handled
        return {"error": f"{type(exc).__name__}: {exc}"}
    return {"ms": round((time.perf_counter() - started) * 1000, 1)}


if __name__ == "__main__":
    answer = main(*sys.argv[1:])
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
