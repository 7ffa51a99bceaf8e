# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused before anything is sent to a store."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import RepositorySettings
from ansible_collections.revive.cassandra.plugins.module_utils._core.store_options import check_store_options
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import arguments


@pytest.mark.parametrize(
    ("given", "subject", "said"),
    [
        ({"kms_key_id": "k"}, "kms_key_id", "server_side_encryption=aws:kms"),
        ({"kms_key_id": "k", "server_side_encryption": "AES256"}, "kms_key_id", "server_side_encryption=aws:kms"),
        ({"kms_bucket_key": True}, "kms_bucket_key", "server_side_encryption=aws:kms"),
        ({"kms_bucket_key": True, "server_side_encryption": "aws:kms:dsse"}, "kms_bucket_key", "no bucket keys"),
        ({"storage_class": "GLACIER"}, "storage_class", "thawed"),
        ({"proxy_url": "squid:3128"}, "proxy_url", "http://proxy.example.com:3128"),
        ({"proxy_url": "socks5://squid:3128"}, "proxy_url", "http://proxy.example.com:3128"),
        ({"proxy_url": "http://squid:3128/path"}, "proxy_url", "nothing behind the port"),
        ({"role_external_id": "x"}, "role_external_id", "repository.role_arn"),
        ({"web_identity_token_file": "/t"}, "web_identity_token_file", "repository.role_arn"),
        ({"sts_endpoint_url": "http://s"}, "sts_endpoint_url", "repository.role_arn"),
        ({"session_token": "t"}, "session_token", "repository.access_key_id"),
        (
            {"web_identity_token_file": "/t", "role_arn": "r", "profile": "p"},
            "web_identity_token_file",
            "repository.profile exclude each other",
        ),
        (
            {"web_identity_token_file": "/t", "role_arn": "r", "role_external_id": "x"},
            "web_identity_token_file",
            "repository.role_external_id exclude each other",
        ),
        (
            {"shared_credentials_file": "/f", "access_key_id": "k", "secret_access_key": "s"},
            "shared_credentials_file",
            "Give one of them",
        ),
        ({"storage_class": "deep_archive"}, "storage_class", "GLACIER_IR"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_option_to_change(
    given: dict[str, t.Any], subject: str, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        check_store_options(RepositorySettings(bucket="b", **given))
    assert caught.value.subject == f"repository.{subject}"
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"server_side_encryption": "AES256"},
        {"server_side_encryption": "aws:kms"},
        {"server_side_encryption": "aws:kms", "kms_key_id": "k", "kms_bucket_key": True},
        {"server_side_encryption": "aws:kms:dsse", "kms_key_id": "k"},
        {"storage_class": "GLACIER_IR"},
        {"shared_credentials_file": "/f", "profile": "p", "role_arn": "r", "role_external_id": "x"},
        {"access_key_id": "k", "secret_access_key": "s", "session_token": "t", "role_arn": "r"},
        {"web_identity_token_file": "/t", "role_arn": "r", "role_session_name": "n", "sts_endpoint_url": "http://s"},
        {"proxy_url": "http://squid.example.com:3128"},
        {"proxy_url": "https://user:pass%40word@[2001:db8::1]:3128/"},
        {"storage_class": "A_CLASS_OF_ANOTHER_STORE"},
    ],
)
def test_what_a_store_may_take_is_left_to_it(given: dict[str, t.Any]) -> None:
    check_store_options(RepositorySettings(bucket="b", **given))


def test_a_module_refuses_it_before_it_opens_the_store() -> None:
    repository = {"bucket": "b", "prefix": "", "recipients": [], "storage_class": "GLACIER"}
    with pytest.raises(InputError, match="thawed"):
        arguments.repository_settings({"repository": repository})
