# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signed backups: whoever pins a key gets what it has signed or nothing. Signed and checked by the real ssh-keygen."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
import subprocess
import typing as t

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_memory_store
from ansible_collections.revive.cassandra.plugins.module_utils._core.cassandra.node import CommitLogPosition
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import (
    InputError,
    LocalFilesError,
    NewestUnknownError,
    ObjectMissingError,
    ReviveError,
    SignatureError,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import ObjectStore
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.manifest import CLUSTER_MANIFEST, MARKER
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.model import (
    ClusterManifest,
    RepositoryMarker,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.signatures import (
    signed_in_brief,
    signed_line,
)
from ansible_collections.revive.cassandra.plugins.module_utils._operations.archive.bases import bases_of
from ansible_collections.revive.cassandra.plugins.module_utils._operations.backup import preview
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository import signed
from ansible_collections.revive.cassandra.plugins.module_utils._operations.repository.backups import (
    list_backups,
    load_backup,
    load_signed,
)
from tests.unit.plugins.module_utils._core.tables.shop_backup import MANIFEST

WHO = "backups@example.com"


@dataclasses.dataclass(frozen=True)
class Key:
    """A pair of keys in files, as an operator makes it."""

    path: pathlib.Path

    @property
    def public(self) -> str:
        return self.path.with_suffix(".pub").read_text().strip()

    def allowed(self, options: str = "") -> str:
        return f"{WHO} {options} {self.public}\n"

    @property
    def fingerprint(self) -> str:
        shown = subprocess.run(["ssh-keygen", "-l", "-f", f"{self.path}.pub"], check=True, capture_output=True)
        return shown.stdout.decode().split()[1]


def make_key(path: pathlib.Path, *, kind: str = "ed25519", passphrase: str = "") -> Key:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", "", "-f", str(path)], check=True)
    return Key(path)


@pytest.fixture(scope="module", name="ours")
def _ours(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("keys") / "ours")


@pytest.fixture(scope="module", name="other")
def _other(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("keys") / "other")


class Pinned:
    """A store that asks for signatures, over the same objects as another."""

    def __init__(self, store: ObjectStore, allowed_signers: str) -> None:
        self._store, self.allowed_signers = store, allowed_signers

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._store, name)


def pinned(store: ObjectStore, allowed_signers: str) -> ObjectStore:
    return t.cast(ObjectStore, Pinned(store, allowed_signers))


def manifest_key(tag: str) -> str:
    return f"backups/{tag}/manifest.json"


def of_tag(tag: str, **changes: t.Any) -> ClusterManifest:
    position = CommitLogPosition(segments=(1,), active_segment=1, active_position=0)
    nodes = tuple(dataclasses.replace(node, commit_log=position) for node in MANIFEST.nodes)
    return dataclasses.replace(MANIFEST, **{"nodes": nodes, **changes, "tag": tag})


@pytest.fixture(name="store")
def _store(ours: Key) -> ObjectStore:
    """Two backups, both signed."""
    store = open_memory_store(prefix="p/")
    marker = RepositoryMarker(
        MANIFEST.cluster_id, MANIFEST.cluster_name, host_ids=(), created_us=1, conditional_puts=True
    )
    store.put("repository.json", MARKER.encode(marker))
    for number, tag in enumerate(("older", "newer")):
        manifest = of_tag(tag, completed_us=MANIFEST.completed_us + number)
        assert signed.store_manifest(store, manifest, signing_key=str(ours.path))
    return store


def signature_of(store: ObjectStore, tag: str) -> str:
    return f"backups/{tag}/signatures/{hashlib.sha256(store.get(manifest_key(tag))).hexdigest()}.sig"


def test_an_auditor_checks_what_was_published_with_the_plain_program(
    store: ObjectStore, ours: Key, tmp_path: pathlib.Path
) -> None:
    manifest = store.get(manifest_key("newer"))
    (tmp_path / "manifest.sig").write_bytes(store.get(signature_of(store, "newer")))
    (tmp_path / "allowed_signers").write_text(ours.allowed())
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", WHO, "-n", "revive.cassandra"]
    command += ["-s", "manifest.sig"]
    checked = subprocess.run(command, cwd=tmp_path, input=manifest, capture_output=True, check=True)
    assert checked.stdout.decode().startswith(f'Good "revive.cassandra" signature for {WHO}')
    changed = subprocess.run(command, cwd=tmp_path, input=manifest + b" ", capture_output=True, check=False)
    assert changed.returncode != 0


def test_who_has_signed_is_shown_and_with_pins_it_is_checked(store: ObjectStore, ours: Key) -> None:
    loose, tight = load_signed(store, "newer"), load_signed(pinned(store, ours.allowed()), "newer")
    assert loose.manifest == tight.manifest
    assert signed_in_brief(loose.signer) == f"signed by {ours.fingerprint}, not checked"
    assert "not checked" in signed_line(loose.signer)
    assert "repository.allowed_signers" in signed_line(loose.signer)
    assert signed_in_brief(tight.signer) == f"signed by {WHO}"
    assert signed_line(tight.signer) == f"The backup is signed by {WHO} ({ours.fingerprint}), which was checked."
    store.put(manifest_key("plain"), CLUSTER_MANIFEST.encode(of_tag("plain")))
    briefs = {info.tag: signed_in_brief(info.signer) for info in list_backups(store)}
    assert briefs["plain"] == "not signed"
    assert {briefs["older"], briefs["newer"]} == {f"signed by {ours.fingerprint}, not checked"}
    assert [info.signer.principal for info in list_backups(pinned(store, ours.allowed())) if info.signer] == [WHO] * 2


def changed_byte(store: ObjectStore, _other: Key) -> None:
    store.put(manifest_key("newer"), store.get(manifest_key("newer")).replace(b"shop", b"shoq", 1))


def unsigned(store: ObjectStore, _other: Key) -> None:
    store.put(manifest_key("newer"), CLUSTER_MANIFEST.encode(of_tag("newer")))


def by_somebody_else(store: ObjectStore, other: Key) -> None:
    forged = CLUSTER_MANIFEST.encode(of_tag("newer", began_us=1))
    store.put(manifest_key("newer"), forged)
    made = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(other.path), "-n", "revive.cassandra"],
        input=forged,
        capture_output=True,
        check=True,
    )
    store.put(signature_of(store, "newer"), made.stdout)


def signature_of_another(store: ObjectStore, _other: Key) -> None:
    store.put(signature_of(store, "newer"), store.get(signature_of(store, "older")))


def an_old_one_in_its_place(store: ObjectStore, _other: Key) -> None:
    signature = store.get(signature_of(store, "older"))
    store.put(manifest_key("newer"), store.get(manifest_key("older")))
    store.put(signature_of(store, "newer"), signature)


def nonsense(store: ObjectStore, _other: Key) -> None:
    store.put(signature_of(store, "newer"), b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n")


def node_manifest_exchanged(store: ObjectStore, _other: Key) -> None:
    node = dataclasses.replace(MANIFEST.nodes[0], manifest_sha256="0" * 64)
    store.put(manifest_key("newer"), CLUSTER_MANIFEST.encode(of_tag("newer", nodes=(node, *MANIFEST.nodes[1:]))))


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (changed_byte, "is not signed, or was changed since"),
        (unsigned, "is not signed, or was changed since"),
        (by_somebody_else, "which is none of those in repository.allowed_signers"),
        (signature_of_another, f"is not what {WHO}"),
        (an_old_one_in_its_place, "is the manifest of older"),
        (nonsense, "is not a signature of ssh-keygen"),
        (node_manifest_exchanged, "is not signed, or was changed since"),
    ],
)
def test_with_pins_what_was_not_signed_as_it_is_there_is_refused_and_no_older_one_taken_for_it(
    store: ObjectStore, ours: Key, other: Key, forge: t.Callable[[ObjectStore, Key], None], reason: str
) -> None:
    forge(store, other)
    guarded = pinned(store, ours.allowed())
    with pytest.raises(ReviveError) as refused:
        load_backup(guarded, "newer")
    assert reason in str(refused.value)
    assert manifest_key("newer") in str(refused.value) or "signatures/" in str(refused.value)
    assert refused.value.next_step
    with pytest.raises(NewestUnknownError, match="restore_point=older"):
        load_backup(guarded, "latest")
    assert load_backup(guarded, "older").tag == "older"
    problems = {info.tag: info.problem for info in list_backups(guarded)}
    assert reason in problems["newer"]
    assert problems["older"] == ""


def test_a_signed_backup_of_another_repository_is_refused(store: ObjectStore, ours: Key) -> None:
    elsewhere = of_tag("newest", cluster_id="another", cluster_name="Testing")
    assert signed.store_manifest(store, elsewhere, signing_key=str(ours.path))
    guarded = pinned(store, ours.allowed())
    with pytest.raises(SignatureError, match="as a backup of another repository, that of cluster 'Testing'"):
        load_backup(guarded, "newest")
    with pytest.raises(NewestUnknownError, match="another repository"):
        load_backup(guarded, "latest")


def test_no_moment_is_reached_from_a_backup_that_is_not_signed(store: ObjectStore, ours: Key) -> None:
    store.put(manifest_key("newer"), CLUSTER_MANIFEST.encode(of_tag("newer")))
    bases = {base.tag: base for base in bases_of(pinned(store, ours.allowed()))}
    assert "is not signed" in bases["newer"].problem
    assert bases["older"].problem == ""


@pytest.mark.parametrize("options", ['valid-before="20200101"', 'namespaces="git"'])
def test_a_key_whose_time_is_over_or_that_is_for_something_else_does_not_count(
    store: ObjectStore, ours: Key, options: str
) -> None:
    with pytest.raises(SignatureError, match=r"newer/manifest\.json"):
        load_backup(pinned(store, ours.allowed(options)), "newer")


def test_any_of_several_signers_will_do(store: ObjectStore, ours: Key, other: Key) -> None:
    text = f"# who may sign\nsomebody {other.public}\n{WHO},*@example.org {ours.public}\n"
    signer = load_signed(pinned(store, text), "newer").signer
    assert signer
    assert signer.principal == WHO


def test_a_kill_between_signature_and_manifest_shows_nothing(ours: Key) -> None:
    store = open_memory_store(prefix="p/")

    class Killed(Pinned):
        def put_new(self, key: str, body: bytes) -> bool:
            if key.endswith("manifest.json"):
                raise KeyboardInterrupt
            return self._store.put_new(key, body)

    with pytest.raises(KeyboardInterrupt):
        signed.store_manifest(t.cast(ObjectStore, Killed(store, "")), of_tag("newer"), signing_key=str(ours.path))
    assert len(list(store.list("backups/newer/signatures/"))) == 1
    assert list_backups(store, include_incomplete=False) == ()
    with pytest.raises(ObjectMissingError):
        signed.read_manifest(store, "newer")
    again = of_tag("newer", completed_us=MANIFEST.completed_us + 1)
    assert signed.store_manifest(store, again, signing_key=str(ours.path))
    assert [signed_in_brief(info.signer) for info in list_backups(store)] == [
        f"signed by {ours.fingerprint}, not checked"
    ]


def test_nothing_is_published_that_would_not_count(store: ObjectStore, ours: Key, other: Key) -> None:
    guarded = pinned(store, ours.allowed())
    with pytest.raises(InputError, match="signing_key is not"):
        preview.would_publish(guarded, tag="next")
    with pytest.raises(SignatureError, match="none of those"):
        preview.would_publish(guarded, tag="next", signing_key=str(other.path))
    with pytest.raises(SignatureError, match="none of those"):
        signed.store_manifest(guarded, of_tag("next"), signing_key=str(other.path))
    assert list(store.list("backups/next/")) == []
    assert preview.would_publish(guarded, tag="next", signing_key=str(ours.path))


def test_a_key_that_others_may_read_or_that_cannot_sign_is_refused_before_anything_is_stored(
    store: ObjectStore, ours: Key, tmp_path: pathlib.Path
) -> None:
    readable = tmp_path / "readable"
    readable.write_bytes(ours.path.read_bytes())
    readable.chmod(0o640)
    secret = make_key(tmp_path / "secret", passphrase="some words")
    secret.path.with_suffix(".pub").chmod(0o600)
    for path, reason in (
        (tmp_path / "nowhere", "cannot be read: No such file"),
        (readable, "has mode 0640"),
        (secret.path, "cannot sign with"),
        (secret.path.with_suffix(".pub"), "is not a private key"),
    ):
        with pytest.raises(LocalFilesError) as refused:
            signed.store_manifest(store, of_tag("next"), signing_key=str(path))
        assert reason in str(refused.value)
        assert "PRIVATE KEY--" not in str(refused.value)
    assert list(store.list("backups/next/")) == []


def test_nobody_reads_a_manifest_past_the_one_function_that_asks_for_its_signature() -> None:
    operations = pathlib.Path(__file__).resolve().parents[6] / "plugins" / "module_utils" / "_operations"
    reading = [path for path in operations.rglob("*.py") if "CLUSTER_MANIFEST" in path.read_text()]
    assert [str(path.relative_to(operations)) for path in reading] == ["repository/signed.py"]
