from __future__ import annotations

from tests.delivery.conftest import now, open_socket, publisher

__all__ = ["now", "open_socket", "publisher"]
