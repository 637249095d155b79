"""Serving one page to this machine alone, until interrupted."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"  # no other machine reaches it


def serve(page: bytes, port: int) -> None:
    """Serve the page at / and nothing else; 0 is any free port. Raises ValueError where the port cannot be had."""
    try:
        server = ThreadingHTTPServer((HOST, port), _handler(page))
    except OSError as problem:
        raise ValueError(f"--port {port}: {problem.strerror}; name another, or 0 for any that is free") from None
    with server:
        print(f"the page is at http://{HOST}:{server.server_port}/ for this machine alone; Ctrl-C stops it", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped")


def _handler(page: bytes) -> type[BaseHTTPRequestHandler]:
    class OnlyThePage(BaseHTTPRequestHandler):
        server_version, sys_version = "headwater", ""
        timeout = 10  # seconds that a connection may stay open without a question

        def do_GET(self) -> None:
            if self.path != "/":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Say nothing: standard error is for problems."""

    return OnlyThePage
