# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a hardened cluster: they fit together, and nobody but their owner reads them."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra import jmx
from lab.hardening import Hardening


def _hardening(tmp_path: Path) -> Hardening:
    return Hardening.create(directory=tmp_path / "secrets", addresses={"n1": "127.0.0.1", "n2": "127.0.0.2"})


def test_only_their_owner_reads_them(tmp_path: Path) -> None:
    files = list(_hardening(tmp_path).directory.iterdir())
    assert len(files) > 8
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_client_can_use_its_certificate_and_knows_the_authority(tmp_path: Path) -> None:
    context = _hardening(tmp_path).client_context()
    assert len(context.get_ca_certs()) == 1
    assert context.check_hostname


def test_a_nodes_certificate_is_for_its_address(tmp_path: Path) -> None:
    hardening = _hardening(tmp_path)
    password = hardening.settings(node="n2")["client_encryption_options"]["keystore_password"]
    store = pkcs12.load_pkcs12(hardening.key_store("n2").read_bytes(), password.encode())
    assert store.cert is not None
    names = store.cert.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "127.0.0.2" in {str(address) for address in names.get_values_for_type(x509.IPAddress)}


def test_nodetools_properties_are_ones_that_roles_take(tmp_path: Path) -> None:
    hardening = _hardening(tmp_path)
    path = hardening.jmx_ssl_properties_file
    stores = jmx.stores_in(path.read_text(encoding="utf-8"), path=str(path))
    assert stores == (str(hardening.trust_store), str(hardening.key_store("client")))
    assert hardening.nodetool_environment()["JDK_JAVA_OPTIONS"].startswith(f"@{path} ")
