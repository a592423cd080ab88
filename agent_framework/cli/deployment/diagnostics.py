"""What terraform says in its machine-readable form: lines of JSON, and errors with the remedy that they lack."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent_framework.types import JSONDict, is_object

_REMEDIES: tuple[tuple[str, str], ...] = (
    (
        r"Error acquiring the state lock|state lock",
        (
            "another run holds the state's lock. If none does any more (it was killed), release it with: "
            "terraform -chdir=terraform force-unlock LOCK_ID (TF_DATA_DIR={data_dir}; the ID is in the log)"
        ),
    ),
    (
        r"BucketAlreadyExists|bucket name is not available",
        (
            "bucket names are shared by all AWS accounts, and this one is taken; set another "
            "infrastructure.storage.config.bucket_prefix in agents.yaml"
        ),
    ),
    (
        r"already ?exists|AlreadyExists|ResourceConflict|ResourceInUse|EntityAlreadyExists|already in use",
        (
            "something of this name is there that this stage's state does not know. Delete it, or take it over with: "
            "terraform -chdir=terraform import ADDRESS ID (TF_DATA_DIR={data_dir})"
        ),
    ),
    (
        r"AccessDenied|not authorized|UnauthorizedOperation|Forbidden",
        (
            "the credentials are known, and their user or role may not do this: allow the action, or use others "
            "(AWS_PROFILE)"
        ),
    ),
    (
        r"ExpiredToken|expired|InvalidClientTokenId|no valid credential",
        "the AWS credentials are missing, wrong or have expired; log in again",
    ),
    (
        r"LimitExceeded|quota|TooManyBuckets|ServiceQuota|limit for",
        "a quota of the account is used up; ask for more under Service Quotas, or remove what is not needed",
    ),
    (
        r"reserved concurren|UnreservedConcurrentExecution",
        "the account has not so much concurrency to reserve; lower runtime.reserved_concurrency in agents.yaml",
    ),
    (r"Throttl|Rate exceeded|TooManyRequests", "AWS asked to slow down; run the same command again"),
    (
        r"Failed to (query|install)|registry\.terraform\.io|Could not retrieve the list of available",
        "terraform could not fetch the AWS provider; check the network, or set up a mirror in ~/.terraformrc",
    ),
    (r"Backend configuration changed", "the state was kept in another bucket; name that one with --state-bucket"),
    (r"Inconsistent dependency lock file", "run: terraform -chdir=terraform init -upgrade"),
)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning of terraform."""

    severity: str
    summary: str
    detail: str = ""
    address: str = ""
    place: str = ""

    @property
    def is_error(self) -> bool:
        """It is why terraform ended without success."""
        return self.severity == "error"

    def remedy(self, data_dir: str) -> str | None:
        """What to do about it, where that is known."""
        text = f"{self.summary}\n{self.detail}"
        found = next((words for pattern, words in _REMEDIES if re.search(pattern, text, re.IGNORECASE)), None)
        return found.format(data_dir=data_dir) if found else None

    def text(self, data_dir: str) -> str:
        """Resource, reason and remedy, on a few lines."""
        what = self.address or self.place or "terraform"
        summary, detail = " ".join(self.summary.split()), " ".join(self.detail.split())
        reason = f"{summary}: {detail}" if detail and detail not in summary else summary
        remedy = self.remedy(data_dir)
        return f"{what}: {reason}" + (f"\n  remedy: {remedy}" if remedy else "")


def read_line(line: str) -> JSONDict | None:
    """A line of ``-json`` output; None for anything else."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if is_object(value) and "type" in value else None


def diagnostic_of(message: JSONDict) -> Diagnostic | None:
    """The diagnostic in a message, if it is one."""
    found = message.get("diagnostic")
    if message.get("type") != "diagnostic" or not is_object(found):
        return None
    place = found.get("range")
    where = ""
    if is_object(place):
        start = place.get("start")
        where = f"{place.get('filename')}:{start.get('line') if is_object(start) else ''}"
    return Diagnostic(
        str(found.get("severity", "error")),
        str(found.get("summary", "")),
        str(found.get("detail", "")),
        str(found.get("address", "")),
        where,
    )


def described(diagnostics: Sequence[Diagnostic], data_dir: str) -> str:
    """All errors, each once, in order."""
    texts = dict.fromkeys(item.text(data_dir) for item in diagnostics if item.is_error)
    return "\n".join(texts)
