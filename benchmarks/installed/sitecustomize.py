"""Hides what only the development lock brings: structlog and httpx import it where they find it, 5 MB of it."""

import sys

sys.modules.update(dict.fromkeys(("rich", "pygments", "click", "markdown_it")))  # type: ignore[arg-type]
