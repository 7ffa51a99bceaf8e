# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the credentials for the object store come from: given, or found by boto3, which this file alone imports."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.libraries import unusable
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import StoreDeniedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings


def find_credentials(settings: RepositorySettings) -> tuple[t.Callable[[], dict[str, t.Any]], str | None]:
    """A source of credentials whenever they are needed, and the region that came with them.

    :raises DependencyError: if none are given and boto3 cannot be used.
    :raises StoreDeniedError: if there are none.
    """
    if settings.access_key_id and settings.secret_access_key:
        fixed = {
            "access_key_id": settings.access_key_id,
            "secret_access_key": settings.secret_access_key,
            "token": settings.session_token,
            "expires_at": None,
        }
        return (lambda: dict(fixed)), None
    try:
        import boto3
    except Exception as error:
        raise unusable("boto3", error) from error
    try:
        session = boto3.Session(profile_name=settings.profile)
        found = session.get_credentials()
    except Exception as error:
        raise StoreDeniedError(
            f"The credentials for s3://{settings.bucket}/ cannot be found: {error}.",
            subject=settings.profile or "",
            next_step="Check the profile's name and the shared credentials file.",
        ) from error
    if found is None:
        raise StoreDeniedError(
            f"There are no credentials for s3://{settings.bucket}/.",
            subject=settings.bucket,
            next_step="Give an access key and its secret, a profile, or run on an instance that has a role.",
        )

    def provide() -> dict[str, t.Any]:
        frozen = found.get_frozen_credentials()
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5)
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": soon if frozen.token else None,
        }

    return provide, session.region_name
