"""A TCP proxy on 127.0.0.1 that cuts the connection at a chosen request: before it arrives, or before its answer."""

import socket
import threading
from contextlib import suppress


class CuttingProxy:
    """Forwards to one port. ``cut(b"COMMIT", after=True)`` cuts the next connection that sends any of these bytes.

    ``after``: the server gets the request and does it, its answer is lost. Otherwise the request is lost.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._words: tuple[bytes, ...] = ()
        self._after = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, *words: bytes, after: bool) -> None:
        """Arm the next cut; without words, disarm it."""
        with self._lock:
            self._words, self._after = words, after

    def close(self) -> None:
        """Stop listening and close every connection."""
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets += [client, server]
            muted = threading.Event()
            threading.Thread(target=self._forward, args=(client, server, muted), daemon=True).start()
            threading.Thread(target=self._back, args=(server, client, muted), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket, muted: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self._hit(data):
                    muted.set()
                    if self._after:
                        server.sendall(data)
                        return  # the other direction drops both once the answer came
                    break
                server.sendall(data)
        self._drop(client, server)

    def _back(self, server: socket.socket, client: socket.socket, muted: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if muted.is_set():
                    break
                client.sendall(data)
        self._drop(client, server)

    def _hit(self, data: bytes) -> bool:
        with self._lock:
            if not any(word in data for word in self._words):
                return False
            self._words = ()
            self.cuts += 1
            return True

    @staticmethod
    def _drop(*pair: socket.socket) -> None:
        for one in pair:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
