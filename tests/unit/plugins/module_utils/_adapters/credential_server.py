# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who hands out temporary credentials at AWS, on loopback: STS, and the metadata of instances and of containers."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import json
import threading
import typing as t
import urllib.parse


class Issuer:
    """Each time it is asked it issues another key, ``ASIA1`` and so on, which ends in a minute.

    :ivar refusal: status and code of what it answers instead.
    :ivar asked: the forms that STS got.
    """

    def __init__(self) -> None:
        self.issued = 0
        self.asked: list[dict[str, str]] = []
        self.refusal: tuple[int, str] | None = None

    def _next(self) -> dict[str, str]:
        self.issued += 1
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60)
        return {
            "AccessKeyId": f"ASIA{self.issued}",
            "SecretAccessKey": f"secret-{self.issued}",
            "Token": f"token-{self.issued}",
            "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def sts(self, form: dict[str, str]) -> tuple[int, str]:
        """The answer to a request for a role."""
        self.asked.append(form)
        if self.refusal:
            status, code = self.refusal
            return status, f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
        key, action = self._next(), form["Action"]
        key["SessionToken"] = key.pop("Token")
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in key.items())
        user = "<Arn>arn:aws:sts::1:assumed-role/r/s</Arn><AssumedRoleId>i</AssumedRoleId>"
        return 200, (
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
            f"<Credentials>{inner}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser></{action}Result></{action}Response>"
        )

    def metadata(self, path: str) -> tuple[int, str]:
        """The answer of an instance's or a container's metadata service."""
        if self.refusal:
            return self.refusal[0], ""
        if path == "/container":
            return 200, json.dumps(self._next())
        if path.endswith("/security-credentials/"):
            return 200, "the-role"
        if path.endswith("/security-credentials/the-role"):
            return 200, json.dumps({"Code": "Success", **self._next()})
        return 404, ""


@contextlib.contextmanager
def credential_server() -> t.Iterator[tuple[Issuer, str]]:
    """An issuer and its address, while the block runs."""
    issuer = Issuer()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: t.Any) -> None:
            """Nothing."""

        def answer_any(self) -> None:
            """Whatever the method is."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            if self.command == "POST":
                status, text = issuer.sts(dict(urllib.parse.parse_qsl(body)))
            elif self.command == "PUT":
                status, text = 200, "a-token-for-metadata"
            else:
                status, text = issuer.metadata(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

    for method in ("GET", "PUT", "POST"):
        setattr(Handler, f"do_{method}", Handler.answer_any)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
