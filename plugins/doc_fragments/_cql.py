# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say how to speak CQL to a node."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the options that say how to speak CQL to a node."""

    DOCUMENTATION = r"""
options:
  cql_username:
    description: The role to log in with.
    type: str
  cql_password:
    description: The role's password.
    type: str
  cql_consistency:
    description: The consistency level of reads.
    type: str
    default: LOCAL_QUORUM
    choices: [ONE, LOCAL_ONE, TWO, THREE, QUORUM, LOCAL_QUORUM, EACH_QUORUM, ALL]
  cql_timeout_seconds:
    description: How long one request may take.
    type: int
    default: 60
  cql_ca_certificates:
    description: A file on the node with certificate authorities. The connection uses TLS when it is given.
    type: path
  cql_client_certificate:
    description: A file on the node with the certificate that the client shows, for clusters that ask for one.
    type: path
  cql_client_key:
    description: A file on the node with that certificate's key, without a password.
    type: path
  cql_verify_hostname:
    description: Whether a node's certificate has to be for the address that is connected to.
    type: bool
    default: true
"""

    # Where: some modules need the address, and others do not; beside those above.
    ADDRESS = r"""
options:
  native_address:
    description: The address on which the node listens for CQL.
    type: str
    required: true
  native_port:
    description: The port on which the node listens for CQL.
    type: int
    default: 9042
"""
    OPTIONAL_ADDRESS = r"""
options:
  native_address:
    description: The address on which the node listens for CQL.
    type: str
  native_port:
    description: The port on which the node listens for CQL.
    type: int
    default: 9042
"""
    OWN_ADDRESS = r"""
options:
  native_address:
    description: The address on which the node listens for CQL. By default what O(config_file) says.
    type: str
  native_port:
    description: The port on which the node listens for CQL. By default what O(config_file) says.
    type: int
"""
