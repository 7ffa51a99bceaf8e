# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of this collection: one tree, each class with a stable code.

A module returns an error as ``{"code", "message", "subject", "next_step", "marked"}``: a playbook branches on the code,
an operator reads what happened, to what, and what to do next, and a role says ``marked`` in its own words. Private to
revive.cassandra.
"""

from __future__ import annotations

import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._core.figures import format_us
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import in_words


class ReviveError(Exception):
    """Anything that went wrong for a reason that an operator can understand.

    :param message: one sentence that names what happened.
    :param subject: the node, object, file or option concerned; empty when there is none.
    :param next_step: what the operator can do now; empty only when the message already says it.

    Both texts mark the options that they name, see :func:`marks.option`.
    """

    code: t.ClassVar[str] = "failed"

    def __init__(self, message: str, *, subject: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.subject = subject
        self.next_step = next_step

    def __str__(self) -> str:
        return in_words(self.marked)

    @property
    def marked(self) -> str:
        """Message and next step, with the marks that are in them."""
        return f"{self.message} {self.next_step}".strip()

    def to_result(self) -> dict[str, str]:
        """The error as plain values for a module's result: in the words of modules, and marked for who has others."""
        return {
            "code": self.code,
            "message": in_words(self.message),
            "subject": self.subject,
            "next_step": in_words(self.next_step),
            "marked": self.marked,
        }


class InputError(ReviveError):
    """An option or a name that cannot be used as it is."""

    code = "invalid_input"


class IdentityError(InputError):
    """What is encrypted cannot be opened with the identities that were given."""

    code = "cannot_decrypt"


class DependencyError(ReviveError):
    """A Python library that is needed is not installed where the module runs."""

    code = "missing_dependency"


class NodeError(ReviveError):
    """A Cassandra node did not do, or is not, what is needed."""

    code = "node_failed"


class NodeUnreachableError(NodeError):
    """nodetool, JMX or CQL of a node does not answer."""

    code = "node_unreachable"


class NotInRingError(NodeError):
    """A node runs, but is not in its ring."""


class NodeStartingError(NodeUnreachableError):
    """The node's process runs, but cannot answer yet."""


class NodeSilentError(NodeError):
    """The node does not answer in time: it may run, unlike one that cannot be reached, and is not taken for stopped."""

    code = "node_unreachable"


class CqlDeniedError(NodeError):
    """A node refuses the role over CQL."""

    code = "cql_denied"


class LocalFilesError(ReviveError):
    """A directory or file on the node is missing, cannot be read, is full, or changed during the operation."""

    code = "local_files"


class NoSpaceError(LocalFilesError):
    """A file system does not have enough room."""

    code = "no_space"


class BusyError(ReviveError):
    """Another operation of this collection is running on the same node."""

    code = "busy"


class OperatorGoneError(ReviveError):
    """Nobody is waiting for the operation any more: it stopped by itself and can be resumed."""

    code = "operator_gone"


class StoreError(ReviveError):
    """The object store refused or did not answer."""

    code = "store_failed"


class StoreDeniedError(StoreError):
    """The object store refused the credentials or the right."""

    code = "store_denied"


class ObjectMissingError(StoreError):
    """An object that has to be there is missing."""

    code = "object_missing"


class ObjectCorruptError(StoreError):
    """An object's content is not what its name or its manifest says."""

    code = "object_corrupt"


class RepositoryError(ReviveError):
    """The repository is not one of ours, or its format is one that this version cannot read."""

    code = "repository_unusable"


class WrongClusterError(RepositoryError):
    """The repository holds another cluster's backups."""

    code = "wrong_cluster"


class ManifestError(RepositoryError):
    """A manifest cannot be read, or contradicts itself."""

    code = "manifest_unreadable"


class SignatureError(RepositoryError):
    """A backup is not signed by whom it has to be, or is not what was signed."""

    code = "signature_refused"


class BackupMissingError(RepositoryError):
    """No backup of that name, or none that is complete."""

    code = "backup_missing"


class NewestUnknownError(RepositoryError):
    """A backup that may be the newest cannot be read, so none is."""

    code = "newest_unknown"


class BackupIncompleteError(RepositoryError):
    """A backup was begun and not finished: it cannot be restored, only finished or started again."""

    code = "backup_incomplete"


class PlanRefusedError(ReviveError):
    """A restore that cannot work; nothing has been touched.

    :param reasons: every reason that was found, so they can be fixed in one go; each is told once.
    """

    code = "plan_refused"

    def __init__(self, reasons: t.Iterable[ReviveError]) -> None:
        self.reasons = tuple({reason.marked: reason for reason in reasons}.values())
        count = len(self.reasons)
        lines = "; ".join(f"({number}) {reason.marked}" for number, reason in enumerate(self.reasons, start=1))
        super().__init__(
            f"The restore is refused for {count} reason{'' if count == 1 else 's'}: {lines}",
            subject=", ".join(dict.fromkeys(reason.subject for reason in self.reasons if reason.subject)),
            next_step="Nothing has been touched.",
        )

    def to_result(self) -> dict[str, t.Any]:
        """The error with each of its reasons."""
        return {**super().to_result(), "reasons": [reason.to_result() for reason in self.reasons]}


class MomentRefusedError(ReviveError):
    """A moment to which the cluster cannot be restored.

    :param before_us: the nearest earlier moment that works; ``None`` if there is none.
    :param after_us: the nearest later one.
    """

    code = "moment_not_restorable"

    def __init__(self, message: str, *, subject: str, before_us: int | None, after_us: int | None) -> None:
        self.before_us = before_us
        self.after_us = after_us
        nearest = [format_us(each) for each in (before_us, after_us) if each is not None]
        next_step = (
            f"The nearest moments that work: {' and '.join(nearest)}."
            if nearest
            else "No moment can be restored yet: take a backup while archiving is on."
        )
        super().__init__(message, subject=subject, next_step=next_step)

    def to_result(self) -> dict[str, t.Any]:
        """The error with the nearest moments."""
        return {
            **super().to_result(),
            "nearest_before": None if self.before_us is None else format_us(self.before_us),
            "nearest_after": None if self.after_us is None else format_us(self.after_us),
        }
