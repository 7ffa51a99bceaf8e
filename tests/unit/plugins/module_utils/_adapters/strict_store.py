# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A little of S3 on loopback that refuses what a test says, as real stores do; moto takes anything."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import threading
import typing as t
import urllib.parse


@dataclasses.dataclass(frozen=True)
class Request:
    """What arrived; names of headers are in lower case."""

    method: str
    path: str
    headers: t.Mapping[str, str]

    @property
    def parameters(self) -> t.Mapping[str, str]:
        """What follows the question mark."""
        return dict(urllib.parse.parse_qsl(self.path.partition("?")[2], keep_blank_values=True))

    @property
    def key(self) -> str:
        """The path without parameters; through a proxy, without the host."""
        return urllib.parse.urlsplit(self.path).path

    @property
    def stores(self) -> bool:
        """Whether it begins an object, in one request or with several parts."""
        return (self.method == "PUT" and "partNumber" not in self.parameters) or "uploads" in self.parameters


#: Answers a request otherwise: status, code and message; ``None`` lets it pass.
Refuse = t.Callable[[Request], t.Optional[tuple[int, str, str]]]


class StrictStore:
    """Objects by their paths, and the requests that came."""

    def __init__(self, refuse: Refuse) -> None:
        self.refuse = refuse
        self.objects: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.lock = threading.Lock()
        self._parts: dict[str, dict[int, bytes]] = {}

    def answer(self, request: Request, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers."""
        with self.lock:
            self.requests.append(request)
            refused = self.refuse(request)
            if refused:
                status, code, message = refused
                return status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode(), {}
            return self._answer(request, body)

    def _answer(self, request: Request, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        key, parameters = request.key, request.parameters
        if request.method in ("GET", "HEAD"):
            if key not in self.objects:
                return 404, b"<Error><Code>NoSuchKey</Code></Error>", {}
            return 200, self.objects[key], {"ETag": '"e"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        if request.method == "DELETE":
            self._parts.pop(key, None)
            return 204, b"", {}
        if "uploads" in parameters:
            self._parts[key] = {}
            return 200, b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>", {}
        if "partNumber" in parameters:
            self._parts[key][int(parameters["partNumber"])] = body
            return 200, b"", {"ETag": f'"{parameters["partNumber"]}"'}
        if "uploadId" in parameters:
            self.objects[key] = b"".join(part for _number, part in sorted(self._parts.pop(key).items()))
            return 200, b'<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>', {}
        if request.headers.get("if-none-match") == "*" and key in self.objects:
            return 412, b"<Error><Code>PreconditionFailed</Code></Error>", {}
        self.objects[key] = body
        return 200, b"", {"ETag": '"e"'}

    @property
    def unfinished(self) -> list[str]:
        """Keys whose parts were neither put together nor given up."""
        return sorted(self._parts)


@contextlib.contextmanager
def strict_store(refuse: Refuse) -> t.Iterator[tuple[StrictStore, str]]:
    """A store and its address, while the block runs."""
    store = StrictStore(refuse)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: t.Any) -> None:
            """Nothing."""

        def handle_one_request(self) -> None:
            with contextlib.suppress(ConnectionError):
                super().handle_one_request()

        def answer_any(self) -> None:
            """Whatever the method is."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer, extra = store.answer(Request(self.command, self.path, headers), body)
            self.send_response(status)
            for name, value in {**extra, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

    for method in ("GET", "HEAD", "PUT", "POST", "DELETE", "CONNECT"):
        setattr(Handler, f"do_{method}", Handler.answer_any)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield store, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
