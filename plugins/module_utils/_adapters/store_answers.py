# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store answered, read from the exceptions of obstore and of boto3, neither of which is imported here."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.store_refusals import Refusal

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([\w.]+)</Code>")
_WORDS = re.compile(r"<(?:Message|ArgumentName)>([^<]*)<")
#: What the libraries say when a proxy refuses, before any store could answer.
_PROXY = re.compile("ProxyAuthRequired|TunnelUnsuccessful|Proxy Authentication Required|Tunnel connection failed")
_DENIED = ("PermissionDeniedError", "UnauthenticatedError")
_EXISTS = ("AlreadyExistsError", "PreconditionError")
_NO_CONDITIONS = ("NotSupportedError", "NotImplementedError")


def read_refusal(error: Exception, *, doing: str, right: str, subject: str) -> Refusal:
    """What came of a request that failed."""
    status, code, response = status_of(error), code_of(error), _response(error)
    return Refusal(
        doing=doing,
        right=right,
        subject=subject,
        status=status,
        code=code,
        text=str(response["Message"]) if response else " ".join(_words(error)),
        brief=_brief(error, status=status, code=code),
        denied=status in (401, 403) or type(error).__name__ in _DENIED,
        missing=isinstance(error, FileNotFoundError) or status == 404,
    )


def says_it_is_there(error: Exception) -> bool:
    """Whether a put on the condition that nothing is there failed because something is."""
    return type(error).__name__ in _EXISTS or status_of(error) in (409, 412)


def says_it_has_no_conditions(error: Exception) -> bool:
    """Whether a put failed because the store does not know conditions."""
    return type(error).__name__ in _NO_CONDITIONS or status_of(error) == 501


def status_of(error: Exception) -> int | None:
    """The status of HTTP."""
    response = _response(error)
    if response:
        return int(response["Status"])
    match = _STATUS.search(str(error))
    return int(match[1]) if match else None


def code_of(error: Exception) -> str | None:
    """The store's own word for it, such as ``NoSuchBucket``."""
    response = _response(error)
    if response:
        # Where the answer has no text, boto3 puts the status there.
        code = str(response["Code"])
        return None if code.isdigit() else code
    match = _CODE.search(str(error))
    return match[1] if match else None


def _response(error: Exception) -> dict[str, t.Any] | None:
    """What boto3 made of an answer; ``None`` if it is not one."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict) or "ResponseMetadata" not in response:
        return None
    said = response.get("Error") or {}
    return {
        "Status": response["ResponseMetadata"].get("HTTPStatusCode", 0),
        "Code": said.get("Code") or "",
        "Message": f"{said.get('Message') or ''} {said.get('ArgumentName') or ''}",
    }


def _words(error: Exception) -> list[str]:
    """The server's words, or a proxy's: boto3 has those in the error below its own."""
    below = getattr(error, "kwargs", {}).get("error", "")
    return [*_WORDS.findall(str(error)), *_PROXY.findall(f"{error} {below}")]


def _brief(error: Exception, *, status: int | None, code: str | None) -> str:
    if status is not None:
        return f"it answered {status}{f' {code}' if code else ''}"
    first = str(error).split("\n", 1)[0].strip()
    return (first.rsplit(" - ", 1)[-1] or type(error).__name__).rstrip(".")[:300]
