"""HTTP servers on loopback that count connections, not only requests: for what must not even connect."""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass
class Listener:
    """What one server has seen: the peers that connected, and the paths that were asked for."""

    port: int
    connections: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


class Listeners:
    """Servers that stop together."""

    def __init__(self) -> None:
        self._servers: list[ThreadingHTTPServer] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def start(self, host: str = "127.0.0.1", port: int = 0, location: str | None = None, tls: ssl.SSLContext | None = None) -> Listener:
        """A server that answers 200, or redirects to `location`; over TLS with a context."""
        seen = Listener(0)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                seen.connections.append(str(self.client_address[0]))
                super().setup()

            def do_GET(self) -> None:
                seen.paths.append(self.path)
                self.send_response(302 if location else 200)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer((host, port), Handler)
        server.daemon_threads = True
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        self._servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        seen.port = server.server_address[1]
        return seen
