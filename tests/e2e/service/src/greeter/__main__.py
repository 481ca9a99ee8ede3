"""`python -m greeter`: serve until told to stop."""

import http.server
import os
import signal
import threading
import time

from greeter.answers import answer

PORT = 8000
DRAIN_SECONDS = 2
VERSION = os.environ.get("APP_VERSION", "")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers; every answer says which version it is from."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer by the path."""
        status, text = answer(self.path, VERSION)
        data = text.encode()
        self.send_response(status)
        self.send_header("X-Version", VERSION)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Server(http.server.ThreadingHTTPServer):
    """Takes many connections at once."""

    request_queue_size = 128


def main() -> None:
    """Serve; when told to stop, wait a moment first: whoever still finds this replica by its name gets an answer."""
    server = Server(("", PORT), Handler)

    def drain() -> None:
        time.sleep(DRAIN_SECONDS)
        server.shutdown()

    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=drain).start())
    print(f"greeter listens on port {PORT}", flush=True)
    server.serve_forever()


main()
