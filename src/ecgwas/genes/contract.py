"""What sources share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Get = Callable[[str, Mapping[str, str]], bytes]
"""`get(url, params)` gives the answer's bytes, from the cache or the net."""
