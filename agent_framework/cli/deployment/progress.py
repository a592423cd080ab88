"""Live lines while terraform applies: one for each resource that is done, one every ten seconds for slow ones."""

from collections.abc import Callable, Mapping

from agent_framework.types import JSONDict, is_object

Say = Callable[[str], None]

_DONE: Mapping[str, str] = {"create": "made", "update": "changed", "delete": "removed", "replace": "replaced"}
_DOING: Mapping[str, str] = {"create": "making", "update": "changing", "delete": "removing", "replace": "replacing"}


class ApplyLines:
    """A listener of ``terraform apply -json``; ``done`` counts resources that are."""

    def __init__(self, say: Say, total: int) -> None:
        self._say = say
        self._total = total
        self.done = 0

    def __call__(self, message: JSONDict) -> None:
        hook = message.get("hook")
        if not is_object(hook) or hook.get("action") == "read":
            return
        resource = hook.get("resource")
        address = str(resource.get("addr", "")) if is_object(resource) else ""
        action, seconds = str(hook.get("action", "")), hook.get("elapsed_seconds", 0)
        match message["type"]:
            case "apply_complete":
                self.done += 1
                self._say(f"  [{self.done}/{self._total}] {_DONE.get(action, action)} {address} ({seconds} s)")
            case "apply_progress":
                self._say(f"  still {_DOING.get(action, action)} {address} ({seconds} s)")
            case "apply_errored":
                self._say(f"  failed: {address}")
            case _:
                pass
