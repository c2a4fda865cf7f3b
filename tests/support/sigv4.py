"""A signed PUT without a body, by which S3 makes a bucket: obstore has no call for it. AWS Signature Version 4."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.request
from urllib.parse import urlsplit

_REGION, _SERVICE = "us-east-1", "s3"
_EMPTY = hashlib.sha256(b"").hexdigest()


def put(url: str, access_key: str, secret_key: str) -> None:
    """Raises OSError when the server refuses."""
    parts, now = urlsplit(url), time.gmtime()
    stamp, day = time.strftime("%Y%m%dT%H%M%SZ", now), time.strftime("%Y%m%d", now)
    headers = {"host": parts.netloc, "x-amz-content-sha256": _EMPTY, "x-amz-date": stamp}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"PUT\n{parts.path}\n\n{lines}\n{names}\n{_EMPTY}"
    scope = f"{day}/{_REGION}/{_SERVICE}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    signed = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    key = b"AWS4" + secret_key.encode()
    for part in (day, _REGION, _SERVICE, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, signed.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers), timeout=10).close()
