# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directory trees in one file each, so that what a release has written is laid out again on any machine.

What a node writes down names its own directories, the inodes of files, and the hash of what it wrote down before. A
tree is kept with ``@ROOT@`` where its directory stood, with the inodes that its files had, and with ``@SHA256:<path>@``
for the hash of a journal; where it is laid out, they become what they are there. Modes, hard links, empty directories
and times of files stay as they were.
"""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import re
import tarfile

_ROOT = b"@ROOT@"
_INODE = "REVIVE.inode"
_MTIME_NS = "REVIVE.mtime_ns"
_JOURNAL = ".jsonl"


def pack(root: pathlib.Path, *, into: pathlib.Path) -> None:
    """Keep all that lies below ``root``."""
    journals = {file_sha256(path): path.relative_to(root) for path in root.rglob(f"*{_JOURNAL}")}
    with tarfile.open(into, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            status = path.stat()
            member = tarfile.TarInfo(str(path.relative_to(root)))
            member.mode = status.st_mode & 0o7777
            if path.is_dir():
                member.type = tarfile.DIRTYPE
                tar.addfile(member)
                continue
            body = path.read_bytes().replace(os.fsencode(root), _ROOT)
            for sha256, journal in journals.items():
                body = body.replace(sha256.encode(), b"@SHA256:%s@" % os.fsencode(journal))
            member.size = len(body)
            member.pax_headers = {_INODE: str(status.st_ino), _MTIME_NS: str(status.st_mtime_ns)}
            tar.addfile(member, io.BytesIO(body))


def lay_out(kept: pathlib.Path, *, root: pathlib.Path) -> pathlib.Path:
    """Make of ``root`` what was kept; ``root`` itself."""
    files: dict[pathlib.Path, tarfile.TarInfo] = {}
    first: dict[str, pathlib.Path] = {}
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(kept) as tar:
        for member in tar:
            path = root / member.name
            if member.isdir():
                path.mkdir()
                os.chmod(path, member.mode)
                continue
            inode = member.pax_headers[_INODE]
            if inode in first:
                os.link(first[inode], path)
                continue
            content = tar.extractfile(member)
            assert content is not None
            first[inode] = path
            path.write_bytes(content.read().replace(_ROOT, os.fsencode(root)))
            os.chmod(path, member.mode)
            files[path] = member
    inodes = {int(inode): path.stat().st_ino for inode, path in first.items()}
    # Journals first: others have their hashes.
    for path in sorted(files, key=lambda path: path.suffix != _JOURNAL):
        _adapt(path, root=root, inodes=inodes)
        mtime_ns = int(files[path].pax_headers[_MTIME_NS])
        os.utime(path, ns=(mtime_ns, mtime_ns))
    return root


def contents(kept: pathlib.Path) -> dict[str, bytes]:
    """What was kept, by path, as it is: for what names nothing of its machine."""
    with tarfile.open(kept) as tar:
        found = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in found.items() if file is not None}


def _adapt(path: pathlib.Path, *, root: pathlib.Path, inodes: dict[int, int]) -> None:
    body = path.read_bytes()
    if path.suffix == _JOURNAL:
        body = re.sub(rb'"inode":(\d+)', lambda match: b'"inode":%d' % inodes.get(int(match[1]), 0), body)
    body = re.sub(rb"@SHA256:([^@]+)@", lambda match: file_sha256(root / os.fsdecode(match[1])).encode(), body)
    path.write_bytes(body)


def file_sha256(path: pathlib.Path) -> str:
    """Of its content, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
