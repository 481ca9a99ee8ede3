"""A service for the tests of targets: says which build it is, and behaves as that build does."""

import http.server
import json
import os
import pathlib
import signal
import socket
import sys
import threading
import time
import urllib.parse

BUILD = os.environ["BUILD"]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers; every answer says which build it is from."""

    protocol_version = "HTTP/1.1"
    paused_until = 0.0

    def do_GET(self) -> None:
        """Answer by the path."""
        self._obey()
        status, body = 200, BUILD
        if self.path == "/healthz" and (BUILD == "sick" or time.monotonic() < Handler.paused_until):
            status = 503
        elif self.path == "/version":
            status, body = (500 if BUILD == "bad" else 200), json.dumps(dict(os.environ))
        elif self.path == "/moved":
            status = 404
        elif self.path == "/direct":
            # Not through the edge.
            status = 404 if "X-Forwarded-For" in self.headers else 200
        elif self.path == "/process":
            body = pathlib.Path("/proc/self/status").read_text()
        elif self.path == "/secrets":
            body = json.dumps({file.name: file.read_text() for file in sorted(pathlib.Path("/run/secrets").iterdir())})
        elif self.path == "/database":
            status, body = database()
        if BUILD == "slow" and self.path == "/version":
            time.sleep(1.5)
        data = body.encode()
        self.send_response(status)
        self.send_header("X-Build", BUILD)
        self.send_header("X-Replica", socket.gethostname())
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _obey(self) -> None:
        if self.path == "/exit":
            sys.stderr.write("the last words of this replica\n")
            sys.stderr.flush()
            os._exit(3)
        if self.path.startswith("/pause?"):
            # This replica is not ready for so many seconds; it answers other requests all the same.
            Handler.paused_until = time.monotonic() + float(self.path.partition("?")[2])

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class Server(http.server.ThreadingHTTPServer):
    """Takes many connections at once, and ends the requests that it has before it ends."""

    daemon_threads = False
    request_queue_size = 128


def database() -> tuple[int, str]:
    """Tell whether the database can be reached by what this service was told about it."""
    url = urllib.parse.urlsplit(pathlib.Path(os.environ["DATABASE_URL_FILE"]).read_text())
    with socket.create_connection((url.hostname, url.port), 3):
        return 200, str(url.password)


def drain(server: Server) -> None:
    """End in a moment: those who still find this replica by its name get their answers."""
    time.sleep(2)
    server.shutdown()


def main() -> None:
    """Serve until told to end."""
    if BUILD == "crash":
        sys.exit("this build cannot start")
    server = Server(("", int(os.environ["PORT"])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=drain, args=(server,)).start())
    server.serve_forever()


main()
