"""Data as text that can stand in a page: deflated, then in base64.

The browser undoes it with DecompressionStream.  Base64 holds no <, so that no tag can begin in it.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any


def pack(content: bytes) -> str:
    """Raw deflate (RFC 1951), without the header and the checksum of zlib."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(deflate.compress(content) + deflate.flush()).decode("ascii")


def pack_json(data: Any) -> str:
    """Raises ValueError for a number that JSON does not have: NaN and infinities."""
    return pack(json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
