"""Read request bodies without trusting their size."""

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from core.problems import BodyTooLarge

DEFAULT_LIMIT = 64 * 1024


class BoundedJSONParser(BaseParser):
    """Parse JSON of at most ``body_limit`` bytes (an attribute of the view), whatever Content-Length says."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the value; raise BodyTooLarge (413) or ParseError (400)."""
        limit = getattr((parser_context or {}).get("view"), "body_limit", DEFAULT_LIMIT)
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge(f"The body is larger than {limit} bytes.")
        try:
            return json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise ParseError(f"Not JSON: {str(error)[:100]}") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
