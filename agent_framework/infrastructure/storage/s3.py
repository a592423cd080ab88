"""Amazon S3: the hash of each object in its metadata, verified when it is read; streams as multipart uploads."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent_framework._optional import require
from agent_framework.errors import ProviderError, StoredObjectChangedError, StoredObjectMissingError
from agent_framework.infrastructure._aws import AwsService, error_code
from agent_framework.infrastructure._providers import validated
from agent_framework.infrastructure.storage.base import (
    CHUNK_BYTES,
    DEFAULT_TYPE,
    StorageProvider,
    StoredObject,
    check_expires,
    check_key,
    check_prefix,
    check_put,
    sha256_of,
)
from agent_framework.types import JSONDict

T = TypeVar("T")

PART_BYTES = 8 << 20
MAX_PREFIX_BYTES = 100
_LABEL = "storage provider s3"
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
_NO_HASH = "it was put there by something else; store it with put()"


class S3Config(BaseModel):
    """``infrastructure.storage.config`` of provider ``s3``.

    ``bucket`` must exist; ``bucket_prefix`` is how the name of a bucket begins that deploying makes, and opens none.
    ``prefix`` is put before every key. ``encryption`` is S3's own (``AES256``) or with a key of KMS; left out, it is
    the bucket's default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bucket: str = Field(default="", max_length=255)
    bucket_prefix: str | None = None
    prefix: str = ""
    region: str | None = None
    endpoint_url: str | None = None
    encryption: Literal["AES256", "aws:kms"] | None = None
    kms_key_id: str | None = None

    @model_validator(mode="after")
    def _which_bucket(self) -> Self:
        if not self.bucket:
            raise ValueError("set bucket to the name of the bucket; stage 'local' needs none")
        if self.kms_key_id is not None and self.encryption != "aws:kms":
            raise ValueError("kms_key_id needs encryption: aws:kms")
        return self


class S3Storage(StorageProvider):
    """Objects of one bucket under ``prefix``.

    A stream is kept in a temporary file first: its hash must be known when the upload begins, and nothing of it is seen
    in the bucket before all of it is there.
    """

    name = "s3"

    def __init__(
        self,
        bucket: str,
        *,
        prefix: str = "",
        client: Any = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        encryption: str | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        self.bucket = bucket
        self.prefix = f"{check_key(prefix.rstrip('/'))}/" if prefix else ""
        if len(self.prefix.encode()) > MAX_PREFIX_BYTES:
            raise ProviderError(f"{_LABEL}: prefix {prefix[:80]!r} is longer than {MAX_PREFIX_BYTES} bytes")
        chosen = {"ServerSideEncryption": encryption, "SSEKMSKeyId": kms_key_id}
        self._encryption = {name: value for name, value in chosen.items() if value is not None}
        self._s3 = AwsService("s3", label=_LABEL, client=client, region=region, endpoint_url=endpoint_url)

    @classmethod
    def from_config(cls, config: JSONDict, root: Path) -> "S3Storage":
        """Make it from ``infrastructure.storage.config``; nothing is called yet."""
        settings: S3Config = validated(S3Config, config, what=_LABEL)
        return cls(
            settings.bucket,
            prefix=settings.prefix,
            region=settings.region,
            endpoint_url=settings.endpoint_url,
            encryption=settings.encryption,
            kms_key_id=settings.kms_key_id,
        )

    async def put(self, key: str, data: bytes, *, content_type: str = DEFAULT_TYPE) -> StoredObject:
        check_put(key, content_type)
        stored = StoredObject(key, len(data), sha256_of(data), content_type, self._url(key))
        await self._s3.call("put_object", **self._named(key), Body=data, **self._headers(stored))
        return stored

    async def put_stream(
        self, key: str, chunks: AsyncIterator[bytes], *, content_type: str = DEFAULT_TYPE
    ) -> StoredObject:
        check_put(key, content_type)
        with tempfile.SpooledTemporaryFile(max_size=PART_BYTES) as spool:
            digest = hashlib.sha256()
            async for chunk in chunks:
                digest.update(chunk)
                await asyncio.to_thread(spool.write, chunk)
            stored = StoredObject(key, spool.tell(), digest.hexdigest(), content_type, self._url(key))
            spool.seek(0)
            await self._s3.run("upload", lambda client: self._upload(client, spool, stored))
        return stored

    async def get(self, key: str) -> bytes:
        def read(client: Any) -> tuple[Any, bytes]:
            answer = client.get_object(**self._named(key))
            with closing(answer["Body"]) as body:
                return answer, body.read()

        answer, data = await self._reading(key, "get_object", read)
        self._verify(key, answer, sha256_of(data))
        return data

    async def get_stream(self, key: str) -> AsyncIterator[bytes]:
        def open_body(client: Any) -> JSONDict:
            return client.get_object(**self._named(key))

        answer = await self._reading(key, "get_object", open_body)
        digest = hashlib.sha256()
        with closing(answer["Body"]) as body:
            while chunk := await self._s3.run("get_object", lambda _: body.read(CHUNK_BYTES)):
                digest.update(chunk)
                yield chunk
        self._verify(key, answer, digest.hexdigest())

    async def stat(self, key: str) -> StoredObject | None:
        try:
            answer = await self._head(key)
        except StoredObjectMissingError:
            return None
        sha256 = self._known_hash(key, answer)
        return StoredObject(key, answer["ContentLength"], sha256, answer["ContentType"], self._url(key))

    async def delete(self, key: str) -> bool:
        try:
            await self._head(key)
        except StoredObjectMissingError:
            return False
        await self._s3.call("delete_object", **self._named(key))
        return True

    async def list(self, prefix: str = "") -> AsyncIterator[str]:
        check_prefix(prefix)
        asked: JSONDict = {"Bucket": self.bucket, "Prefix": self.prefix + prefix}
        while True:
            answer = await self._s3.call("list_objects_v2", **asked)
            for entry in answer.get("Contents", ()):
                yield entry["Key"].removeprefix(self.prefix)
            if not answer.get("IsTruncated"):
                return
            asked["ContinuationToken"] = answer["NextContinuationToken"]

    async def signed_url(self, key: str, expires_s: int = 3600) -> str:
        """An https address. It dies with the credentials that signed it: within hours if they are a role's."""
        check_expires(expires_s)
        if await self.stat(key) is None:
            raise self._missing(key)
        return await self._s3.call(
            "generate_presigned_url", ClientMethod="get_object", Params=self._named(key), ExpiresIn=expires_s
        )

    async def close(self) -> None:
        await self._s3.close()

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self.prefix + check_key(key)}

    def _url(self, key: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def _headers(self, stored: StoredObject) -> JSONDict:
        return {"ContentType": stored.content_type, "Metadata": {"sha256": stored.sha256}, **self._encryption}

    def _upload(self, client: Any, file: IO[bytes], stored: StoredObject) -> None:
        transfer = require("boto3.s3.transfer", extra="aws", needed_for=_LABEL)
        config = transfer.TransferConfig(multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES)
        named = self._named(stored.key)
        client.upload_fileobj(file, named["Bucket"], named["Key"], ExtraArgs=self._headers(stored), Config=config)

    async def _head(self, key: str) -> JSONDict:
        named = self._named(key)

        def head(client: Any) -> JSONDict:
            return client.head_object(**named)

        return await self._reading(key, "head_object", head)

    async def _reading(self, key: str, tried: str, work: Callable[[Any], T]) -> T:
        """Run ``work(client)``; an object that is missing has its own error, unless the whole bucket is."""
        check_key(key)
        try:
            return await self._s3.run(tried, work)
        except ProviderError as exc:
            if error_code(exc.__cause__) not in _MISSING:
                raise
            cause = exc.__cause__
        await self._check_bucket()
        raise self._missing(key) from cause

    async def _check_bucket(self) -> None:
        """S3 answers HEAD without a body, so that a missing bucket looks like a missing object."""
        try:
            await self._s3.call("head_bucket", Bucket=self.bucket)
        except ProviderError as exc:
            if error_code(exc.__cause__) in _MISSING:
                raise ProviderError(
                    f"{_LABEL}: there is no bucket {self.bucket!r}; check infrastructure.storage.config.bucket, or "
                    "deploy the stage"
                ) from exc

    def _missing(self, key: str) -> StoredObjectMissingError:
        return StoredObjectMissingError(f"{_LABEL}: there is no object {key!r} in bucket {self.bucket!r}")

    def _known_hash(self, key: str, answer: Any) -> str:
        sha256 = answer.get("Metadata", {}).get("sha256")
        if not sha256:
            raise StoredObjectChangedError(f"{_LABEL}: the hash of {key!r} is not known: {_NO_HASH}")
        return str(sha256)

    def _verify(self, key: str, answer: Any, sha256: str) -> None:
        if self._known_hash(key, answer) != sha256:
            raise StoredObjectChangedError(
                f"{_LABEL}: {key!r} was changed since it was stored (its hash differs); store it again"
            )
