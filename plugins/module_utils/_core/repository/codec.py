# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was done to an object's bytes before they were stored: nothing, compression, encryption, in that order. Pure.

The name of an object ends in what has to be undone, outermost last: ``<sha256>.zst.age`` is opened by
``age --decrypt ... | zstd --decompress``, without any tool of ours.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ManifestError
from ansible_collections.revive.cassandra.plugins.module_utils._core.plain_values import PlainValueError

ZSTD = "zstd"
AGE = "age"
_SUFFIXES = {ZSTD: ".zst", AGE: ".age"}
_ZSTD_LEAST_BYTES = 9
_ZSTD_MOST_EXTRA_BYTES = 1024
_AGE_CHUNK_BYTES = 64 * 1024
_AGE_LEAST_HEADER_BYTES = 64
_AGE_MOST_HEADER_BYTES = 64 * 1024


@dataclasses.dataclass(frozen=True)
class Codecs:
    """The codecs of an object, in the order in which they were applied; empty means plain bytes."""

    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.names not in ((), (ZSTD,), (AGE,), (ZSTD, AGE)):
            raise ManifestError(
                f"The codecs {'+'.join(self.names)} are unknown to this version.",
                subject="+".join(self.names),
                next_step="Use a newer revive.cassandra.",
            )

    def to_plain(self) -> list[str]:
        """Their names."""
        return list(self.names)

    @classmethod
    def from_plain(cls, value: t.Any) -> Codecs:
        """From their names.

        :raises PlainValueError: if these are none.
        :raises ManifestError: if one is unknown to this version.
        """
        if not isinstance(value, list):
            raise PlainValueError(f"{value!r} is not a list of codecs")
        return cls(tuple(map(str, value)))

    @property
    def suffix(self) -> str:
        """What the object's name ends in: ``""``, ``".zst"``, ``".age"`` or ``".zst.age"``."""
        return "".join(_SUFFIXES[name] for name in self.names)

    @property
    def compressed(self) -> bool:
        """Whether the content was compressed."""
        return ZSTD in self.names

    @property
    def encrypted(self) -> bool:
        """Whether the content was encrypted."""
        return AGE in self.names

    @classmethod
    def of(cls, *, compressed: bool, encrypted: bool) -> Codecs:
        """The codecs that were asked for."""
        return cls(((ZSTD,) if compressed else ()) + ((AGE,) if encrypted else ()))

    @classmethod
    def from_suffix(cls, suffix: str) -> Codecs:
        """The codecs that a name ends in.

        :raises ManifestError: if it names one that this version does not know.
        """
        by_suffix = {value: key for key, value in _SUFFIXES.items()}
        return cls(tuple(by_suffix.get(f".{part}", part) for part in suffix.split(".")[1:]))

    @classmethod
    def of_key(cls, key: str) -> Codecs:
        """The codecs of content, of a piece of a log, by its key.

        :raises ManifestError: as :meth:`from_suffix`.
        """
        _stem, dot, rest = key.rpartition("/")[2].partition(".")
        return cls.from_suffix(dot + rest)


def may_be_stored_as(codecs: Codecs, *, size: int, stored_size: int) -> bool:
    """Whether an object of ``stored_size`` can hold content of ``size`` bytes: whoever has to judge an object by its
    size asks here.

    Exact for plain bytes. age has a header of some hundred bytes, which differs from time to time even for the same
    content and recipients, then 16 bytes, and 16 more for each 64 KiB. What compression makes may be small, and is
    hardly larger than the content.
    """
    least = most = size
    if codecs.compressed:
        least, most = _ZSTD_LEAST_BYTES, size + size // 128 + _ZSTD_MOST_EXTRA_BYTES
    if codecs.encrypted:
        least = _age_payload(least) + _AGE_LEAST_HEADER_BYTES
        most = _age_payload(most) + _AGE_MOST_HEADER_BYTES
    return least <= stored_size <= most


def _age_payload(size: int) -> int:
    return 16 + size + 16 * max(1, -(-size // _AGE_CHUNK_BYTES))


PLAIN = Codecs()
