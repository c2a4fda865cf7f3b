"""Errors that callers see, and the one table that maps them to gRPC statuses.

Logic raises these classes; only the interceptor turns them into a status with `google.rpc` details. Anything
else that escapes becomes INTERNAL with a request id, without its text, which might name paths.
"""

from __future__ import annotations

import math
from typing import ClassVar

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from service_runtime.shown import shown

DOMAIN = "metaextract"
# A message stands in a header and in the details, which have 8 KiB together by default; a request's own text may be larger.
_MAX_MESSAGE_CHARS = 300


class ServiceError(Exception):
    """Base of all errors with a meaning for the caller.

    Attributes:
        code: gRPC status code.
        reason: stable identifier in UPPER_SNAKE_CASE, for `google.rpc.ErrorInfo`.
        metadata: further facts for machines, sent in ErrorInfo.
    """

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL
    reason: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(shown(message, _MAX_MESSAGE_CHARS))
        self.metadata = {key: shown(value, _MAX_MESSAGE_CHARS) for key, value in metadata.items()}


class InvalidRequestError(ServiceError):
    """A field of the request is wrong; `field` is its path in the request message."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "INVALID_FIELD"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.description = shown(message, _MAX_MESSAGE_CHARS)


class UnavailableFeatureError(ServiceError):
    """What is asked for isn't installed here."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "FEATURE_UNAVAILABLE"


class SourceNotFoundError(ServiceError):
    """The named file doesn't exist."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "SOURCE_NOT_FOUND"


class SourceForbiddenError(ServiceError):
    """The named file may not be read by this service."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "SOURCE_FORBIDDEN"


class UploadIncompleteError(ServiceError):
    """The upload ended at another size than its header announced."""

    code = grpc.StatusCode.OUT_OF_RANGE
    reason = "UPLOAD_SIZE_MISMATCH"


class UploadStalledError(ServiceError):
    """The sender fell silent; the upload has to begin anew."""

    code = grpc.StatusCode.ABORTED
    reason = "UPLOAD_STALLED"


class RequestStalledError(ServiceError):
    """The caller doesn't send what it has begun."""

    code = grpc.StatusCode.ABORTED
    reason = "REQUEST_STALLED"


class ChunkOffsetError(ServiceError):
    """A chunk isn't the next one, or wasn't asked for."""

    code = grpc.StatusCode.OUT_OF_RANGE
    reason = "CHUNK_OFFSET"


class ChunkDamagedError(ServiceError):
    """A chunk's checksum is wrong; sending it again may help."""

    code = grpc.StatusCode.DATA_LOSS
    reason = "CHUNK_DAMAGED"


class CreditExceededError(ServiceError):
    """A sender doesn't wait for credit."""

    code = grpc.StatusCode.FAILED_PRECONDITION
    reason = "CREDIT_EXCEEDED"


class DigestMismatchError(ServiceError):
    """The content isn't the one that was announced; nothing of it was kept."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "DIGEST_MISMATCH"


class DigestUnknownError(ServiceError):
    """No content with that digest is stored for this tenant."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "DIGEST_UNKNOWN"


class UploadUnknownError(ServiceError):
    """The upload never began, has expired, or is another tenant's."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "UPLOAD_UNKNOWN"


class UploadElsewhereError(ServiceError):
    """The upload belongs to a replica that isn't here; it can go on when that one is back."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "UPLOAD_ELSEWHERE"


class UploadLostError(ServiceError):
    """The cache has lost the upload; it can't be continued, and has to begin anew."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "UPLOAD_LOST"


class SourceFailedError(ServiceError):
    """The client, or a distant store, can't go on sending the file."""

    code = grpc.StatusCode.ABORTED
    reason = "SOURCE_FAILED"


class OverloadedError(ServiceError):
    """The service sheds this work; come back after `retry_after_seconds`."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "OVERLOADED"

    def __init__(self, message: str, retry_after_seconds: float, **metadata: str) -> None:
        super().__init__(message, **metadata)
        self.retry_after_seconds = retry_after_seconds


class QuotaExceededError(OverloadedError):
    """The tenant has used up what it may use for now; `subject` names whose quota, `quota` which."""

    reason = "QUOTA_EXCEEDED"

    def __init__(self, subject: str, quota: str, retry_after_seconds: float) -> None:
        super().__init__(f"{subject} has used up its {quota}", retry_after_seconds, quota=quota)
        self.subject = subject
        self.quota = quota


class CallerUnknownError(ServiceError):
    """The call proves nobody's identity, and one is needed."""

    code = grpc.StatusCode.UNAUTHENTICATED
    reason = "CALLER_UNKNOWN"


class TokenInvalidError(CallerUnknownError):
    """The token proves nothing here."""

    reason = "TOKEN_INVALID"


class TokenExpiredError(CallerUnknownError):
    """The token was good once; a new one is needed."""

    reason = "TOKEN_EXPIRED"


class IdentityUnavailableError(ServiceError):
    """Who calls can't be found out now: the issuer's keys aren't there."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "IDENTITY_UNAVAILABLE"


class RoleMissingError(ServiceError):
    """The caller is known, and mustn't do this."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "ROLE_MISSING"


class TenantForbiddenError(ServiceError):
    """What was named is another tenant's, or all tenants'."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "TENANT_FORBIDDEN"


class LeaseLostError(ServiceError):
    """The lease of a result lapsed, and is another caller's now."""

    code = grpc.StatusCode.ABORTED
    reason = "LEASE_LOST"


class FleetUnreachableError(ServiceError):
    """What concerns all replicas can't be made known to them now; nothing was changed."""

    code = grpc.StatusCode.UNAVAILABLE
    reason = "FLEET_UNREACHABLE"


class DeadlineError(ServiceError):
    """The caller's deadline passed before there was anything to answer."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    reason = "DEADLINE_EXCEEDED"


Trailer = tuple[str, str | bytes]


def to_trailers(error: ServiceError, request_id: str) -> tuple[Trailer, ...]:
    """The trailing metadata of `error`: `grpc-status-details-bin`, and the pushback that gRPC cores obey.

    RetryInfo is for people and for our client; gRPC's own retry looks only at `grpc-retry-pushback-ms`
    (gRFC A6).
    """
    info = error_details_pb2.ErrorInfo(
        reason=error.reason, domain=DOMAIN, metadata={**error.metadata, "request_id": request_id}
    )
    details = [info]
    trailers: list[Trailer] = []
    if isinstance(error, InvalidRequestError):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=error.field, description=error.description
        )
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if isinstance(error, QuotaExceededError):
        exceeded = error_details_pb2.QuotaFailure.Violation(subject=error.subject, description=str(error))
        details.append(error_details_pb2.QuotaFailure(violations=[exceeded]))
    if isinstance(error, OverloadedError):
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(error.retry_after_seconds * 1e9))
        details.append(retry)
        trailers.append(("grpc-retry-pushback-ms", str(math.ceil(error.retry_after_seconds * 1000))))
    status = status_pb2.Status(code=error.code.value[0], message=str(error))
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    trailers.append(("grpc-status-details-bin", status.SerializeToString()))
    return tuple(trailers)
