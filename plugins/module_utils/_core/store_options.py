# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which options of a repository fit together, and what is refused before anything is sent. Pure."""

from __future__ import annotations

import re

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.marks import option
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings

KMS = ("aws:kms", "aws:kms:dsse")
#: An object there has to be thawed for hours before it can be read.
ARCHIVE_CLASSES = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_PROXY = re.compile(r"https?://([^@/\s]*@)?[^@/\s]+/?\Z")


def check_store_options(settings: RepositorySettings) -> None:
    """Refuse what cannot work with any store.

    :raises InputError: for the first thing that does not fit.
    """
    _check_encryption(settings)
    _check_credentials(settings)
    if settings.proxy_url and not _PROXY.match(settings.proxy_url):
        raise InputError(
            "The proxy's address cannot be used.",
            subject="repository.proxy_url",
            next_step=f"Give {option('repository.proxy_url')} as http://proxy.example.com:3128 or https://..., with "
            "user:password@ before the name where it asks for that, and nothing behind the port.",
        )
    if (settings.storage_class or "").upper() in ARCHIVE_CLASSES:
        raise InputError(
            f"Objects of the storage class {settings.storage_class} have to be thawed for hours before they can be "
            "read; a restore would wait as long.",
            subject="repository.storage_class",
            next_step=f"Give one that can be read at once, such as {option('repository.storage_class', 'GLACIER_IR')}.",
        )


def _check_encryption(settings: RepositorySettings) -> None:
    given = "kms_key_id" if settings.kms_key_id else "kms_bucket_key" if settings.kms_bucket_key else ""
    if given and settings.server_side_encryption not in KMS:
        raise InputError(
            f"{option(f'repository.{given}')} is given, and KMS is not what the store shall encrypt with.",
            subject=f"repository.{given}",
            next_step=f"Give {option('repository.server_side_encryption', 'aws:kms')} too, or leave it out.",
        )
    if settings.kms_bucket_key and settings.server_side_encryption == "aws:kms:dsse":
        raise InputError(
            "S3 has no bucket keys for aws:kms:dsse.",
            subject="repository.kms_bucket_key",
            next_step=f"Leave out {option('repository.kms_bucket_key')}, or give "
            f"{option('repository.server_side_encryption', 'aws:kms')}.",
        )


def _check_credentials(settings: RepositorySettings) -> None:
    for name in ("role_session_name", "role_external_id", "web_identity_token_file", "sts_endpoint_url"):
        if getattr(settings, name) and not settings.role_arn:
            raise InputError(
                f"{option(f'repository.{name}')} is given, and there is no role to assume.",
                subject=f"repository.{name}",
                next_step=f"Give {option('repository.role_arn')} too, or leave it out.",
            )
    if settings.session_token and not settings.access_key_id:
        raise InputError(
            "A session token is given without its access key.",
            subject="repository.session_token",
            next_step=f"Give {option('repository.access_key_id')} and {option('repository.secret_access_key')} too.",
        )
    _check_one_source(settings)


def _check_one_source(settings: RepositorySettings) -> None:
    """Credentials have one source, so nobody has to guess which of two counts."""
    sources = {
        "web_identity_token_file": ("access_key_id", "profile", "shared_credentials_file", "role_external_id"),
        "shared_credentials_file": ("access_key_id",),
    }
    for name, others in sources.items():
        for other in others:
            if getattr(settings, name) and getattr(settings, other):
                raise InputError(
                    f"{option(f'repository.{name}')} and {option(f'repository.{other}')} exclude each other.",
                    subject=f"repository.{name}",
                    next_step="Give one of them.",
                )
