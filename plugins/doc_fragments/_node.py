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
  release_version:
    description: Cassandra's version, such as V(5.0.8), for a node that is down and cannot be asked.
    type: str
"""
