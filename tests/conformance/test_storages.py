"""Every storage of the package does what every storage must."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_framework.infrastructure.storage.efs import EfsStorage
from agent_framework.infrastructure.storage.local import LocalStorage
from agent_framework.infrastructure.storage.s3 import S3Storage
from agent_framework.testing.conformance.storage import StorageConformance
from agent_framework.testing.conformance.storage.harness import Tamper
from tests.support.moto_server import Aws


def in_folder(root: Path) -> Tamper:
    async def tamper(key: str, data: bytes | None) -> None:
        if data is None:
            (root / key).unlink()
        else:
            (root / key).write_bytes(data)

    return tamper


class TestLocalStorage(StorageConformance):
    backend = "local"

    @pytest.fixture
    def open_storage(self, tmp_path: Path) -> Callable[[], LocalStorage]:
        return lambda: LocalStorage(tmp_path / "files")

    @pytest.fixture
    def tamper(self, tmp_path: Path) -> Tamper:
        return in_folder(tmp_path / "files")


class TestEfs(StorageConformance):
    backend = "efs"

    @pytest.fixture
    def open_storage(self, tmp_path: Path) -> Callable[[], EfsStorage]:
        return lambda: EfsStorage(tmp_path, "files", is_mount=lambda path: path == tmp_path)

    @pytest.fixture
    def tamper(self, tmp_path: Path) -> Tamper:
        return in_folder(tmp_path / "files")


class TestS3(StorageConformance):
    """Objects that something else stored have no hash in their metadata: they count as changed."""

    backend = "s3 (moto)"

    @pytest.fixture
    def bucket(self, aws: Aws) -> str:
        return aws.bucket()

    @pytest.fixture
    def open_storage(self, aws: Aws, bucket: str) -> Callable[[], S3Storage]:
        return lambda: S3Storage(bucket, prefix="project", client=aws.client("s3"))

    @pytest.fixture(params=["keeping the metadata", "without metadata"])
    def tamper(self, request: pytest.FixtureRequest, aws: Aws, bucket: str) -> Tamper:
        s3 = aws.client("s3")

        async def tamper(key: str, data: bytes | None) -> None:
            named = {"Bucket": bucket, "Key": f"project/{key}"}
            if data is None:
                s3.delete_object(**named)
            elif request.param == "without metadata":
                s3.put_object(**named, Body=data)
            else:
                s3.put_object(**named, Body=data, Metadata=s3.head_object(**named)["Metadata"])

        return tamper
