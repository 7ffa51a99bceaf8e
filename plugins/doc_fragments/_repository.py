# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say where the repository is."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the options that say where the repository is."""

    DOCUMENTATION = r"""
options:
  repository:
    description:
      - Where the backups of one cluster are, in an object store that speaks the S3 protocol, and how to log in.
      - Without keys and profile, the usual AWS sources are used, such as the environment and the instance's role.
      - Every module of this collection takes it, so it can be set once with C(module_defaults) of
        C(group/revive.cassandra.cassandra).
    type: dict
    required: true
    suboptions:
      bucket:
        description: The bucket's name alone, without a scheme.
        type: str
        required: true
      prefix:
        description: A path in the bucket, so it can hold several repositories.
        type: str
        default: ""
      endpoint_url:
        description: The store's address, such as V(https://s3.example.com:9000). AWS by default.
        type: str
      region:
        description: The store's region.
        type: str
      access_key_id:
        description: The access key's name.
        type: str
      secret_access_key:
        description: The access key's secret.
        type: str
      session_token:
        description: The token that belongs to a temporary access key.
        type: str
      profile:
        description: A profile in the credentials file of the user that the module runs as.
        type: str
      ca_bundle:
        description: A file on the node with certificate authorities, to check the store's certificate against.
        type: path
      virtual_hosted_style:
        description: Whether the bucket is part of the host name. Most stores other than AWS want it in the path.
        type: bool
        default: false
      recipients:
        description:
          - age public keys, each beginning with V(age1).
          - With at least one, all data is encrypted for each of them before it leaves the node.
          - Manifests are not encrypted, so nothing but restoring needs a private key.
        type: list
        elements: str
        default: []
      identity_file:
        description:
          - A file, where the module runs, with the age identities that decrypt what was encrypted, one a line.
          - Only what plans or carries out a restore needs it.
        type: path
"""

    # For modules that may not need it. Written out: ansible-test reads fragments without running them.
    UNUSED = r"""
options:
  repository:
    description:
      - Where the backups of one cluster are, in an object store that speaks the S3 protocol, and how to log in.
      - Without keys and profile, the usual AWS sources are used, such as the environment and the instance's role.
      - Every module of this collection takes it, so it can be set once with C(module_defaults) of
        C(group/revive.cassandra.cassandra).
    type: dict
    required: false
    suboptions:
      bucket:
        description: The bucket's name alone, without a scheme.
        type: str
        required: true
      prefix:
        description: A path in the bucket, so it can hold several repositories.
        type: str
        default: ""
      endpoint_url:
        description: The store's address, such as V(https://s3.example.com:9000). AWS by default.
        type: str
      region:
        description: The store's region.
        type: str
      access_key_id:
        description: The access key's name.
        type: str
      secret_access_key:
        description: The access key's secret.
        type: str
      session_token:
        description: The token that belongs to a temporary access key.
        type: str
      profile:
        description: A profile in the credentials file of the user that the module runs as.
        type: str
      ca_bundle:
        description: A file on the node with certificate authorities, to check the store's certificate against.
        type: path
      virtual_hosted_style:
        description: Whether the bucket is part of the host name. Most stores other than AWS want it in the path.
        type: bool
        default: false
      recipients:
        description:
          - age public keys, each beginning with V(age1).
          - With at least one, all data is encrypted for each of them before it leaves the node.
          - Manifests are not encrypted, so nothing but restoring needs a private key.
        type: list
        elements: str
        default: []
      identity_file:
        description:
          - A file, where the module runs, with the age identities that decrypt what was encrypted, one a line.
          - Only what plans or carries out a restore needs it.
        type: path
"""
