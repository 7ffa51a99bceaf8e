# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the credentials for the object store come from: given, or found by boto3, which this file alone imports.

Whatever expires is renewed by boto3 before it does: those of an instance or a container, of a role that is assumed, of
a program that a profile names. What lies in a file is read again every now and then, since somebody else renews it.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import typing as t

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.libraries import unusable
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import LocalFilesError, StoreDeniedError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.store_refusals import role_refused

#: After this, what does not renew itself is looked for again; if that fails, it is used on until it is this old.
_LOOK_AGAIN_SECONDS = 30
_KEEP_SECONDS = 60


class Credentials:
    """Credentials whenever they are asked for, which obstore does for each request once they are found by boto3.

    So nobody keeps a key that boto3 has renewed meanwhile: an upload may last longer than any of them.

    :ivar region: the store's, as given or as it came with the credentials.
    :ivar failure: why they could not be renewed, if that was so.
    """

    def __init__(self, settings: RepositorySettings, *, region: str | None = None, found: t.Any = None) -> None:
        self._settings = settings
        self._found = found
        self.region: str = settings.region or region or "us-east-1"
        self.failure: StoreDeniedError | None = None

    def __call__(self) -> dict[str, t.Any]:
        """As obstore takes them.

        :raises StoreDeniedError: if they cannot be renewed; obstore makes another error of it, so it is kept, too.
        """
        settings = self._settings
        if self._found is None:
            return {
                "access_key_id": settings.access_key_id,
                "secret_access_key": settings.secret_access_key,
                "token": settings.session_token,
                "expires_at": None,
            }
        frozen = self.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            # Over at once, for obstore: boto3 knows better, and answers in microseconds.
            "expires_at": datetime.datetime.now(datetime.timezone.utc),
        }

    def get_frozen_credentials(self) -> t.Any:
        """As boto3's clients take them, of what boto3 found; see :meth:`__call__`."""
        try:
            frozen = self._found.get_frozen_credentials()
        except Exception as error:
            self.failure = _not_found(self._settings, error)
            raise self.failure from None
        self.failure = None
        return frozen

    def __getattr__(self, name: str) -> t.Any:
        # What else a client of boto3 may ask its credentials for.
        return getattr(self._found, name)

    def open_client(self, *, retry_seconds: int) -> t.Any:
        """A client of boto3 for the store.

        :param retry_seconds: about as long a request is retried when the store is busy or down.
        :raises DependencyError: if boto3 cannot be used.
        """
        settings, botocore = self._settings, _import_botocore()
        session = botocore.session.Session()
        keys: dict[str, t.Any] = {}
        if self._found is None:
            keys = {
                "aws_access_key_id": settings.access_key_id,
                "aws_secret_access_key": settings.secret_access_key,
                "aws_session_token": settings.session_token,
            }
        else:
            session.register_component("credential_provider", _Resolver(self))
        return session.create_client(
            "s3",
            region_name=self.region,
            endpoint_url=_endpoint_without_bucket(settings),
            verify=settings.ca_bundle,
            config=botocore.config.Config(
                # What is sent is hashed by who calls this; of itself, boto3 adds what some stores refuse.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                signature_version="s3v4",
                proxies=_proxies(settings),
                connect_timeout=10,
                read_timeout=300,
                max_pool_connections=64,
                retries={"mode": "standard", "total_max_attempts": 2 + retry_seconds // 20},
                s3={
                    "addressing_style": "virtual" if settings.virtual_hosted_style else "path",
                    "payload_signing_enabled": True,
                },
            ),
            **keys,
        )


class _Resolver:
    """Hands credentials on to a session of boto3."""

    def __init__(self, found: t.Any) -> None:
        self._found = found

    def load_credentials(self) -> t.Any:
        """What was found."""
        return self._found


def find_credentials(settings: RepositorySettings) -> Credentials:
    """A source of credentials whenever they are needed.

    :raises DependencyError: if they are to be found, or a role is to be assumed, and boto3 cannot be used.
    :raises StoreDeniedError: if there are none, or the role may not be assumed.
    :raises LocalFilesError: if a file that is named cannot be read.
    """
    given = bool(settings.access_key_id and settings.secret_access_key)
    if given and not settings.role_arn:
        return Credentials(settings)
    for path in (settings.shared_credentials_file, settings.web_identity_token_file):
        _check_readable(path)
    botocore = _import_botocore()
    try:
        session = _session(botocore, settings)
        region = session.get_config_variable("region")
        if settings.web_identity_token_file:
            found = _role_by_token(botocore, settings, region)
        else:
            found = _given(botocore, settings) if given else _kept_up(botocore, settings, session.get_credentials())
            if found is not None and settings.role_arn:
                found = _role(botocore, settings, region, found)
        if found is not None:
            # Now, not with the first object: whatever is wrong is known before anything is done.
            found.get_frozen_credentials()
    except Exception as error:
        raise _not_found(settings, error) from error
    if found is None:
        raise StoreDeniedError(
            f"There are no credentials for s3://{settings.bucket}/.",
            subject=settings.bucket,
            next_step="Give an access key and its secret, a profile, or run on an instance that has a role.",
        )
    return Credentials(settings, region=region, found=found)


def _session(botocore: t.Any, settings: RepositorySettings) -> t.Any:
    """A session that looks where the settings say: a profile or a file wins over the environment."""
    profile = settings.profile or ("default" if settings.shared_credentials_file else None)
    session = botocore.session.Session(profile=profile)
    if settings.shared_credentials_file:
        session.set_config_variable("credentials_file", settings.shared_credentials_file)
    return session


def _given(botocore: t.Any, settings: RepositorySettings) -> t.Any:
    return botocore.credentials.Credentials(settings.access_key_id, settings.secret_access_key, settings.session_token)


def _kept_up(botocore: t.Any, settings: RepositorySettings, found: t.Any) -> t.Any:
    """What boto3 found, if it does not renew itself looked for again every now and then."""
    renewing = botocore.credentials.RefreshableCredentials
    if found is None or isinstance(found, renewing):
        return found

    def look(again: t.Any = None) -> dict[str, t.Any]:
        newest = again or _session(botocore, settings).get_credentials()
        if newest is None:
            raise LookupError("they are not there any more")
        frozen = newest.get_frozen_credentials()
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=_KEEP_SECONDS)
        return {
            "access_key": frozen.access_key,
            "secret_key": frozen.secret_key,
            "token": frozen.token,
            "expiry_time": until.isoformat(),
        }

    return renewing.create_from_metadata(
        look(found),
        refresh_using=look,
        method=found.method,
        advisory_timeout=_KEEP_SECONDS - _LOOK_AGAIN_SECONDS,
        mandatory_timeout=0,
    )


def _role(botocore: t.Any, settings: RepositorySettings, region: str | None, source: t.Any) -> t.Any:
    """A role, assumed with other credentials."""
    more = {"ExternalId": settings.role_external_id} if settings.role_external_id else {}
    fetcher = botocore.credentials.AssumeRoleCredentialFetcher(
        _sts(botocore, settings, region),
        source,
        settings.role_arn,
        extra_args={"RoleSessionName": _session_name(settings), **more},
    )
    return botocore.credentials.DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _role_by_token(botocore: t.Any, settings: RepositorySettings, region: str | None) -> t.Any:
    """A role, assumed with a token from a file, which is read again each time."""
    fetcher = botocore.credentials.AssumeRoleWithWebIdentityCredentialFetcher(
        _sts(botocore, settings, region),
        botocore.credentials.FileWebIdentityTokenLoader(settings.web_identity_token_file),
        settings.role_arn,
        extra_args={"RoleSessionName": _session_name(settings)},
    )
    return botocore.credentials.DeferredRefreshableCredentials(
        fetcher.fetch_credentials, "assume-role-with-web-identity"
    )


def _sts(botocore: t.Any, settings: RepositorySettings, region: str | None) -> t.Callable[..., t.Any]:
    """What makes a client for assuming roles."""

    def create(service: str, *, config: t.Any = None, **keys: t.Any) -> t.Any:
        ours = botocore.config.Config(proxies=_proxies(settings), connect_timeout=10, read_timeout=30)
        return botocore.session.Session().create_client(
            service,
            region_name=settings.region or region or "us-east-1",
            endpoint_url=settings.sts_endpoint_url,
            verify=settings.ca_bundle,
            config=ours.merge(config) if config else ours,
            **keys,
        )

    return create


def _session_name(settings: RepositorySettings) -> str:
    """As an audit log shows it; STS takes 64 of these characters."""
    return settings.role_session_name or re.sub(r"[^\w+=,.@-]", "-", f"revive-cassandra-{platform.node()}")[:64]


def _check_readable(path: str | None) -> None:
    if path and not os.access(path, os.R_OK):
        raise LocalFilesError(
            f"{path} cannot be read.",
            subject=path,
            next_step="Check that it is on this machine, and that the user that this runs as may read it.",
        )


def _not_found(settings: RepositorySettings, error: Exception) -> StoreDeniedError:
    """Why there are no credentials."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return role_refused(settings, code=str((response.get("Error") or {}).get("Code") or ""))
    # boto3 leaves passwords of proxies out of its texts.
    return StoreDeniedError(
        f"The credentials for s3://{settings.bucket}/ cannot be found: {str(error).rstrip('.')}.",
        subject=settings.profile or settings.role_arn or settings.bucket,
        next_step="Check the profile's name and the shared credentials file, or where else they come from.",
    )


def _endpoint_without_bucket(settings: RepositorySettings) -> str | None:
    """The endpoint's address as boto3 wants it, which puts the bucket in front by itself."""
    url = settings.endpoint_url
    if not url or not settings.virtual_hosted_style:
        return url
    scheme, _separator, host = url.partition("://")
    bucket = f"{settings.bucket}."
    return f"{scheme}://{host[len(bucket) :]}" if host.startswith(bucket) else url


def _proxies(settings: RepositorySettings) -> dict[str, str] | None:
    """As boto3 takes them; ``None`` leaves it to the environment."""
    return {"http": settings.proxy_url, "https": settings.proxy_url} if settings.proxy_url else None


def _import_botocore() -> t.Any:
    """The part of boto3 that does its work."""
    try:
        import botocore.config
        import botocore.credentials
        import botocore.session
    except Exception as error:
        raise unusable("boto3", error) from error
    return botocore
