# SPDX-License-Identifier: Apache-2.0
"""The guest's peer on L0's user network: a server on the loopback interface.

Two TCP ports: one sends a pattern and closes; the other takes bytes until the
client has no more and answers with their SHA-256. Guests reach both at
10.0.2.2, the address QEMU gives to the machine it runs on.
"""

import hashlib
import random
import socketserver
import threading
from collections.abc import Callable
from types import TracebackType

GATEWAY = "10.0.2.2"
PATTERN_SIZE = 1 << 20


class NetPeer:
    """Both servers, as a context manager."""

    def __init__(self, seed: str) -> None:
        self.pattern = random.Random(seed).randbytes(PATTERN_SIZE)
        self.received: list[str] = []
        self._send = self._server(self._send_pattern)
        self._take = self._server(self._take_all)

    def __enter__(self) -> "NetPeer":
        for server in (self._send, self._take):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for server in (self._send, self._take):
            server.shutdown()
            server.server_close()

    def environment(self) -> dict[str, str]:
        """What the guest must know."""
        return {"NET_HOST": GATEWAY, "NET_GET": str(self._send.server_address[1]),
                "NET_PUT": str(self._take.server_address[1]),
                "NET_SHA": hashlib.sha256(self.pattern).hexdigest()}

    def _server(self, serve: Callable[[socketserver.StreamRequestHandler], None]
                ) -> socketserver.ThreadingTCPServer:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                serve(self)

        return socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)

    def _send_pattern(self, handler: socketserver.StreamRequestHandler) -> None:
        handler.wfile.write(self.pattern)

    def _take_all(self, handler: socketserver.StreamRequestHandler) -> None:
        digest = hashlib.sha256(handler.rfile.read()).hexdigest()
        self.received.append(digest)
        handler.wfile.write(f"{digest}\n".encode())
