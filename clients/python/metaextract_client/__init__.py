"""Typed clients for MetaExtract's two services, synchronous and asynchronous.

>>> from metaextract_client import ExtractorClient
>>> with ExtractorClient("127.0.0.1:50051") as client:  # doctest: +SKIP
...     document, info = client.extract_file("photo.jpg")
...     print(document.common.device_model)
"""

from metaextract_client.cache import CacheClient
from metaextract_client.cache_async import AsyncCacheClient
from metaextract_client.chunks import AsyncChunkClient
from metaextract_client.errors import (
    AbortedError,
    DeadlineError,
    ForbiddenError,
    InvalidRequestError,
    MetaExtractError,
    NotFoundError,
    OverloadedError,
    UnauthenticatedError,
    UnavailableError,
)
from metaextract_client.extraction import Extraction
from metaextract_client.extractor import ExtractorClient
from metaextract_client.extractor_async import AsyncExtractorClient
from metaextract_client.render import to_dict
from metaextract_client.retry import NEVER, RetryPolicy
from metaextract_client.security import Security, SecurityError
from metaextract_client.session import AsyncSession, Session
from metaextract_client.session_options import SessionOptions, default_client_id

__all__ = [
    "NEVER",
    "AbortedError",
    "AsyncCacheClient",
    "AsyncChunkClient",
    "AsyncExtractorClient",
    "AsyncSession",
    "CacheClient",
    "DeadlineError",
    "Extraction",
    "ExtractorClient",
    "ForbiddenError",
    "InvalidRequestError",
    "MetaExtractError",
    "NotFoundError",
    "OverloadedError",
    "RetryPolicy",
    "Security",
    "SecurityError",
    "Session",
    "SessionOptions",
    "UnauthenticatedError",
    "UnavailableError",
    "default_client_id",
    "to_dict",
]
