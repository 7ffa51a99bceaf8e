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
      allowed_signers:
        description:
          - Who may sign backups, as the text of an allowed signers file of ssh-keygen(1). Each line is a name and a
            public key.
          - A backup that none of them has signed, or that was changed since, is refused before anything is touched. It
            is never V(latest), and no older one is taken instead without a word.
          - Without it, signatures are shown and not checked.
          - C(ssh-keygen) checks, where the module runs; OpenSSH 8.2 or newer.
        type: str
      moved_from:
        description:
          - An address at which a backup has a node of this cluster. It says that all machines were moved since, and
            that none is left there.
          - Without it, a cluster is refused whose nodes are all at other addresses than when they were backed up, since
            they may be copies of those machines.
        type: str
      server_side_encryption:
        description:
          - What the store encrypts every object with. V(AES256) is SSE-S3; V(aws:kms) and V(aws:kms:dsse) use KMS.
          - Without it the bucket's setting counts. Give it where the bucket's policy refuses objects that do not ask
            for it.
        type: str
        choices: ["AES256", "aws:kms", "aws:kms:dsse"]
      kms_key_id:
        description:
          - The key that KMS shall use, by its ARN, or in the same account by its ID. By default the account's own for
            S3.
          - Who writes needs C(kms:GenerateDataKey) and C(kms:Decrypt) on it, who restores C(kms:Decrypt).
        type: str
      kms_bucket_key:
        description:
          - Whether one data key serves the whole bucket, which spares most requests to KMS. If not, the bucket's
            setting counts.
        type: bool
        default: false
      storage_class:
        description:
          - The storage class of every object, such as V(INTELLIGENT_TIERING). By default the store's own.
          - Classes with a smallest size that is charged for, such as V(STANDARD_IA), make the pieces of commit logs
            dear.
          - V(GLACIER) and V(DEEP_ARCHIVE) are refused, since objects there have to be thawed for hours before a
            restore.
        type: str
      checksums:
        description:
          - The checksum that each request carries for the store to compare. V(sha256) is C(x-amz-checksum-sha256).
          - V(none) is for stores that refuse C(x-amz-checksum) headers; what is sent is then covered by its signature
            alone.
          - V(content_md5) is for those that refuse them and demand C(Content-MD5). It sends through boto3, which is
            slower.
        type: str
        choices: ["sha256", "none", "content_md5"]
        default: sha256
      requester_pays:
        description: Whether these credentials' account pays for the requests, as buckets with requester pays demand.
        type: bool
        default: false
      proxy_url:
        description:
          - The proxy through which the store is asked, such as V(http://proxy.example.com:3128), also with
            C(user:password@).
          - Without it, C(HTTPS_PROXY) in the environment of whoever runs this counts, which a service seldom has.
        type: str
      shared_credentials_file:
        description:
          - A file on the node in the form of C(~/.aws/credentials), which is read again when it may have changed.
          - The section is O(repository.profile), or C(default).
        type: path
      role_arn:
        description:
          - A role to assume with the credentials that are given or found, or with
            O(repository.web_identity_token_file).
          - Its temporary credentials are renewed before they expire.
        type: str
      role_session_name:
        description:
          - What the role's session is called in the store's audit log. By default C(revive-cassandra) and the host's
            name.
        type: str
      role_external_id:
        description: The external ID that the role's trust policy asks for.
        type: str
      web_identity_token_file:
        description:
          - A file on the node with a token, such as a service account's, with which O(repository.role_arn) is
            assumed.
        type: path
      sts_endpoint_url:
        description: The address at which roles are assumed, where it is not the AWS one of the region.
        type: str
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
      allowed_signers:
        description:
          - Who may sign backups, as the text of an allowed signers file of ssh-keygen(1). Each line is a name and a
            public key.
          - A backup that none of them has signed, or that was changed since, is refused before anything is touched. It
            is never V(latest), and no older one is taken instead without a word.
          - Without it, signatures are shown and not checked.
          - C(ssh-keygen) checks, where the module runs; OpenSSH 8.2 or newer.
        type: str
      moved_from:
        description:
          - An address at which a backup has a node of this cluster. It says that all machines were moved since, and
            that none is left there.
          - Without it, a cluster is refused whose nodes are all at other addresses than when they were backed up, since
            they may be copies of those machines.
        type: str
      server_side_encryption:
        description:
          - What the store encrypts every object with. V(AES256) is SSE-S3; V(aws:kms) and V(aws:kms:dsse) use KMS.
          - Without it the bucket's setting counts. Give it where the bucket's policy refuses objects that do not ask
            for it.
        type: str
        choices: ["AES256", "aws:kms", "aws:kms:dsse"]
      kms_key_id:
        description:
          - The key that KMS shall use, by its ARN, or in the same account by its ID. By default the account's own for
            S3.
          - Who writes needs C(kms:GenerateDataKey) and C(kms:Decrypt) on it, who restores C(kms:Decrypt).
        type: str
      kms_bucket_key:
        description:
          - Whether one data key serves the whole bucket, which spares most requests to KMS. If not, the bucket's
            setting counts.
        type: bool
        default: false
      storage_class:
        description:
          - The storage class of every object, such as V(INTELLIGENT_TIERING). By default the store's own.
          - Classes with a smallest size that is charged for, such as V(STANDARD_IA), make the pieces of commit logs
            dear.
          - V(GLACIER) and V(DEEP_ARCHIVE) are refused, since objects there have to be thawed for hours before a
            restore.
        type: str
      checksums:
        description:
          - The checksum that each request carries for the store to compare. V(sha256) is C(x-amz-checksum-sha256).
          - V(none) is for stores that refuse C(x-amz-checksum) headers; what is sent is then covered by its signature
            alone.
          - V(content_md5) is for those that refuse them and demand C(Content-MD5). It sends through boto3, which is
            slower.
        type: str
        choices: ["sha256", "none", "content_md5"]
        default: sha256
      requester_pays:
        description: Whether these credentials' account pays for the requests, as buckets with requester pays demand.
        type: bool
        default: false
      proxy_url:
        description:
          - The proxy through which the store is asked, such as V(http://proxy.example.com:3128), also with
            C(user:password@).
          - Without it, C(HTTPS_PROXY) in the environment of whoever runs this counts, which a service seldom has.
        type: str
      shared_credentials_file:
        description:
          - A file on the node in the form of C(~/.aws/credentials), which is read again when it may have changed.
          - The section is O(repository.profile), or C(default).
        type: path
      role_arn:
        description:
          - A role to assume with the credentials that are given or found, or with
            O(repository.web_identity_token_file).
          - Its temporary credentials are renewed before they expire.
        type: str
      role_session_name:
        description:
          - What the role's session is called in the store's audit log. By default C(revive-cassandra) and the host's
            name.
        type: str
      role_external_id:
        description: The external ID that the role's trust policy asks for.
        type: str
      web_identity_token_file:
        description:
          - A file on the node with a token, such as a service account's, with which O(repository.role_arn) is
            assumed.
        type: path
      sts_endpoint_url:
        description: The address at which roles are assumed, where it is not the AWS one of the region.
        type: str
"""
