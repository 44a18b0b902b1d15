"""How the sandbox writes JSON."""

import json
from typing import Any

from starlette.responses import JSONResponse


class Json(JSONResponse):
    """JSON that holds whatever text a client once sent: half a surrogate pair, too, has to be answered."""

    def render(self, content: Any) -> bytes:
        """The value as compact UTF-8."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )
