"""Storage on Amazon EFS: a folder that Lambda functions and containers mount."""

import os
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from agent_framework.errors import ConfigError, ProviderError
from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure.storage.base import check_key
from agent_framework.infrastructure.storage.local import LocalStorage
from agent_framework.types import JSONDict


class EfsConfig(BaseModel):
    """``infrastructure.storage.config`` of provider ``efs``: where it is mounted, and the folder to use in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mount_path: str = Field(default="/mnt/storage", min_length=2)
    folder: str = "agent-framework"


class EfsStorage(LocalStorage):
    """Like `LocalStorage`, and refuses to work while nothing is mounted: files of a Lambda's own disk would be lost.

    ``is_mount`` says whether a path is a mount point.
    """

    name = "efs"

    def __init__(
        self,
        mount_path: str | Path,
        folder: str = "agent-framework",
        *,
        is_mount: Callable[[str | Path], bool] = os.path.ismount,
    ) -> None:
        self.mount_path = Path(mount_path)
        self._is_mount = is_mount
        super().__init__(self.mount_path / check_key(folder))

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "EfsStorage":
        """Make it from ``infrastructure.storage.config``; the mount is looked at when it is used.

        Raises:
            ConfigError: also where ``mount_path`` is not absolute.
        """
        settings: EfsConfig = validated(EfsConfig, config, what="storage provider efs")
        if not Path(settings.mount_path).is_absolute():
            raise ConfigError(f"storage provider efs: mount_path {settings.mount_path!r} must be absolute: /mnt/<name>")
        return cls(settings.mount_path, settings.folder)

    def check(self) -> None:
        if not self._is_mount(self.mount_path):
            raise ProviderError(
                f"storage provider efs: nothing is mounted at {self.mount_path}; give the function a file system with "
                "this local mount path, or set infrastructure.storage.config.mount_path"
            )
