"""S3 and EFS: what only they have, and what they answer when something is wrong."""

import asyncio
import os
import traceback
from collections.abc import AsyncIterator, Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from agent_framework.errors import ConfigError, ProviderError, StorageKeyError, StoredObjectMissingError
from agent_framework.infrastructure.storage import StorageFactory
from agent_framework.infrastructure.storage.efs import EfsStorage
from agent_framework.infrastructure.storage.s3 import PART_BYTES, S3Storage
from tests.support.moto_server import REGION, Answering, Aws


def go(storage: S3Storage, *coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """Await one after another, close the storage."""

    async def main() -> list[Any]:
        try:
            return [await coroutine for coroutine in coroutines]
        finally:
            await storage.close()

    return asyncio.run(main())


async def zeros(parts: int) -> AsyncIterator[bytes]:
    for _ in range(parts):
        yield bytes(PART_BYTES // 2)


def test_a_large_stream_is_a_multipart_upload_with_type_hash_and_encryption(aws: Aws) -> None:
    bucket, client = aws.bucket(), aws.client("s3")
    storage = S3Storage(bucket, client=client, encryption="AES256")
    (stored,) = go(storage, storage.put_stream("big", zeros(5), content_type="video/mp4"))
    head = client.head_object(Bucket=bucket, Key="big")
    assert head["ETag"].endswith('-3"'), "three parts"
    assert (head["ContentType"], head["Metadata"]) == ("video/mp4", {"sha256": stored.sha256})
    assert head["ServerSideEncryption"] == "AES256"
    assert client.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_a_small_object_is_encrypted_with_the_chosen_key(aws: Aws) -> None:
    bucket, client = aws.bucket(), aws.client("s3")
    storage = S3Storage(bucket, client=client, encryption="aws:kms", kms_key_id="alias/project")
    go(storage, storage.put("x", b"1"))
    head = client.head_object(Bucket=bucket, Key="x")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/project")


def test_a_prefix_keeps_projects_apart_and_urls_name_the_place(aws: Aws) -> None:
    bucket, client = aws.bucket(), aws.client("s3")
    one, two = (S3Storage(bucket, prefix=prefix, client=client) for prefix in ("one", "two/"))

    async def main() -> None:
        stored = await one.put("a/b c", b"1")
        await two.put("a/b c", b"2")
        assert stored.url == f"s3://{bucket}/one/a/b c"
        assert [key async for key in one.list()] == ["a/b c"]
        assert await two.get("a/b c") == b"2"
        await one.close()
        await two.close()

    asyncio.run(main())


def test_more_keys_than_one_answer_holds_are_listed(aws: Aws) -> None:
    client = aws.client("s3")
    names = [f"{number:02}" for number in range(11)]
    storage = S3Storage(
        aws.bucket(), client=Answering(client, list_objects_v2=partial(client.list_objects_v2, MaxKeys=2))
    )

    async def main() -> None:
        for name in names:
            await storage.put(name, b"")
        assert [key async for key in storage.list()] == names
        await storage.close()

    asyncio.run(main())


def test_s3_is_made_from_its_configuration(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test-only")
    config = {"bucket": aws.bucket(), "prefix": "shop/prod", "endpoint_url": aws.url, "region": REGION}
    storage = StorageFactory.create("s3", config)
    assert isinstance(storage, S3Storage)
    assert go(storage, storage.put("x", b"1"), storage.get("x"), storage.delete("x"))[1:] == [b"1", True]


@pytest.mark.parametrize(
    ("provider", "config", "message"),
    [
        ("s3", {}, "set bucket to the name"),
        ("s3", {"bucket_prefix": "analytics-data"}, "set bucket to the name"),
        ("s3", {"bucket": "b" * 10, "kms_key_id": "x"}, "kms_key_id needs encryption: aws:kms"),
        ("s3", {"bucket": "b" * 10, "encryption": "rot13"}, "encryption"),
        ("s3", {"bucket": "b" * 10, "bucket_name": "x"}, "bucket_name: extra inputs"),
        ("efs", {"mount_path": "mnt/files"}, "must be absolute"),
        ("locals", {}, "did you mean 'local'"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(provider: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        StorageFactory.create(provider, config)


@pytest.mark.parametrize("prefix", ["../x", "/", "a//b", "x" * 101])
def test_a_prefix_that_is_no_key_is_refused(prefix: str) -> None:
    with pytest.raises((StorageKeyError, ProviderError), match=r"storage key|longer than 100 bytes"):
        S3Storage("bucket", prefix=prefix)


def test_a_missing_bucket_is_told_from_a_missing_object(aws: Aws) -> None:
    storage = S3Storage("no-such-bucket", client=aws.client("s3"))

    async def main() -> None:
        for attempt in (
            storage.put("x", b"1"),
            storage.put_stream("x", zeros(1)),
            storage.get("x"),
            storage.stat("x"),
            storage.exists("x"),
            storage.delete("x"),
            storage.signed_url("x"),
            anext(storage.list()),
            anext(storage.get_stream("x")),
        ):
            with pytest.raises(ProviderError, match=r"^storage provider s3: .*there is no .*bucket.*deploy") as caught:
                await attempt
            assert not isinstance(caught.value, StoredObjectMissingError)
        await storage.close()

    asyncio.run(main())


@pytest.fixture
def keys_are_checked(aws: Aws) -> Iterator[None]:
    """From here on the emulated AWS knows nobody."""

    def after(requests: bytes) -> None:
        with urlopen(Request(f"{aws.url}/moto-api/reset-auth", requests, {"Content-Type": "text/plain"})) as answer:
            assert answer.status == 200

    after(b"0")
    yield
    after(b"inf")


@pytest.mark.usefixtures("keys_are_checked")
def test_wrong_credentials_are_named_and_not_printed(aws: Aws) -> None:
    secret = "a-secret-that-nobody-may-see"
    client = aws.new_client("s3", aws_access_key_id="AKIAWRONG", aws_secret_access_key=secret)
    storage = S3Storage("bucket", client=client)
    with pytest.raises(ProviderError, match=r"InvalidAccessKeyId: .*; the credentials are wrong") as caught:
        go(storage, storage.get("x"))
    assert not caught.value.retryable
    assert secret not in "".join(traceback.format_exception(caught.value))


def test_an_endpoint_that_nobody_serves_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test-only")
    storage = S3Storage("bucket", region=REGION, endpoint_url="http://127.0.0.1:1")
    with pytest.raises(
        ProviderError, match=r"s3: put_object failed: EndpointConnectionError.*127\.0\.0\.1:1/.*check"
    ) as info:
        go(storage, storage.put("x", b"1"))
    assert info.value.retryable


def test_efs_refuses_to_work_where_nothing_is_mounted(tmp_path: Path) -> None:
    storage = EfsStorage(tmp_path)

    async def main() -> None:
        for attempt in (storage.put("x", b"1"), storage.get("x"), storage.stat("x"), anext(storage.list())):
            with pytest.raises(ProviderError, match=f"efs: nothing is mounted at {tmp_path}; give the function"):
                await attempt

    asyncio.run(main())
    assert list(tmp_path.iterdir()) == []


def test_efs_asks_the_system_what_is_mounted() -> None:
    storage = StorageFactory.create("efs", {"mount_path": "/proc", "folder": "self/nothing"})
    assert asyncio.run(storage.exists("x")) is False, "/proc is a mount, and there is no such folder in it"


def only(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """These environment variables, and nothing else of AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
