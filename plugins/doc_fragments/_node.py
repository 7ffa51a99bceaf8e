# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the options that say how to reach the node on which a module runs."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the options that say how to reach the node on which a module runs."""

    DOCUMENTATION = r"""
options:
  node_name:
    description: What messages call the node, usually C(inventory_hostname). The machine's own name by default.
    type: str
  nodetool_command:
    description: The program C(nodetool) with its fixed arguments, quoted as in a shell, and run without one.
    type: str
    default: nodetool
  nodetool_timeout_seconds:
    description: How long one C(nodetool) command may take. Then it is ended, with the Java that it had started.
    type: int
    default: 600
  config_file:
    description: The node's C(cassandra.yaml); data directories and addresses are read from it.
    type: path
    default: /etc/cassandra/cassandra.yaml
  listen_address:
    description:
      - The address on which the node listens for other nodes.
      - By default what C(cassandra.yaml) says. An interface is looked up on the node. Without either it is the address
        of the node's host name, as for Cassandra itself.
    type: str
  state_directory:
    description: Where this collection keeps its own files on the node, such as journals and locks.
    type: path
    default: /var/lib/revive-cassandra
  jmx_username:
    description: The JMX user, if JMX needs a login.
    type: str
  jmx_password_file:
    description:
      - The file on the node with the JMX password, on a line behind the user and a blank, as in C(jmxremote.password).
      - C(nodetool) reads it; no argument list has the password.
    type: path
  jmx_ssl_properties_file:
    description:
      - The file on the node with Java's properties for JMX with TLS, which is used when it is given. It has the form of
        Cassandra's own C(nodetool-ssl.properties), such as C(-Djavax.net.ssl.trustStore=/etc/cassandra/trust.p12), and
        C(javax.net.ssl.keyStore) with a client's certificate.
      - Java reads it, from version 9 on; no argument list has the passwords that are in it.
    type: path
  lease:
    description:
      - For which play the module works on the node, as P(revive.cassandra.lease#lookup) returns it.
      - One play at a time works on a node. Each module of it gives a sign of life, and one that changes something is
        refused while another play has the node. Without this, such a module has the node for as long as it runs.
      - In check mode nothing is taken, and nothing refused.
    type: dict
    suboptions:
      id:
        description: What tells it from others.
        type: str
        required: true
      operation:
        description: What the play does, such as V(backup).
        type: str
        required: true
      works_on:
        description: A tag, or a restore's name, where the module does not know it.
        type: str
        default: ""
      started_by:
        description: Who has started the play, and where.
        type: str
        default: ""
      job:
        description: The number that it runs by, if any.
        type: str
        default: ""
      controller:
        description: The process of the play.
        type: dict
      lease_minutes:
        description:
          - After how long without a sign of life another play may take the node. The play waits that long at most
            between two of its modules on a node, while others start or restart. A module that runs counts as one.
          - The same operation on the same thing may go on after 40 minutes.
        type: int
        default: 120
      ended:
        description: Leases of plays that have ended without giving them back, which the controller knows for certain.
        type: list
        elements: str
        default: []
      gives_back:
        description: Whether this module is the play's last one on the node.
        type: bool
        default: false
  take_over_lease:
    description:
      - Takes the node over from the plays with these leases, whether or not they live. The message of who was refused
        has the lease to give.
      - A module that runs for such a play stops within a minute, half-way, or this one fails and says which process
        that is. What it had not finished, only its own operation can go on with.
    type: list
    elements: str
    default: []
  release_version:
    description: Cassandra's version, such as V(5.0.8), for a node that is down and cannot be asked.
    type: str
"""
