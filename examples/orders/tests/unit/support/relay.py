"""A way to the database that can be broken."""

import contextlib
import socket
import threading

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Relay:
    """A TCP proxy on a port of its own that can stall, be cut, and open again."""

    def __init__(self, url: str) -> None:
        self.database = conninfo_to_dict(url)
        self.flows = threading.Event()
        self.connections: list[socket.socket] = []
        self.open()

    @property
    def url(self) -> str:
        return make_conninfo("", **self.database | {"host": "127.0.0.1", "port": self.port})

    def open(self) -> None:
        self.flows.set()
        self.listener = socket.create_server(("127.0.0.1", getattr(self, "port", 0)))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=[self.listener], daemon=True).start()

    def stall(self) -> None:
        self.flows.clear()

    def cut(self) -> None:
        self.flows.set()
        for each in [self.listener, *self.connections]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self.connections.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                host, port = str(self.database.get("host", "127.0.0.1")), int(self.database.get("port") or 5432)
                far = socket.create_connection((host, port))
                self.connections += [near, far]
                threading.Thread(target=self._pump, args=[near, far], daemon=True).start()
                threading.Thread(target=self._pump, args=[far, near], daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.flows.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
