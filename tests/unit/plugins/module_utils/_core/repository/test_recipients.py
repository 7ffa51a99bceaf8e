# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Public keys are told from what is none, before anything is encrypted; and a private key is never repeated."""

from __future__ import annotations

import pytest

from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import InputError
from ansible_collections.revive.cassandra.plugins.module_utils._core.repository.recipients import check_recipients

KEY = "age1pfnldkzamhfgd7ydktjuhk8v3yypm7af3dzw6z6hvvwwm5wzmfmsyqzpwk"
SECRET = "AGE-SECRET-KEY-1FYV5UNF48XPC4QN034CZT28UW8LVW4QE6Y3VFVNN8M5M84X60MZS7JYLC0"


def test_public_keys_of_age_and_ssh_are_taken_once_and_without_their_comments() -> None:
    assert check_recipients([f" {KEY} ", "", "ssh-ed25519 AAAAC3Nz me@home", KEY]) == (KEY, "ssh-ed25519 AAAAC3Nz")
    assert check_recipients([]) == ()


@pytest.mark.parametrize("text", [SECRET, SECRET.lower(), "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz"])
def test_a_private_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InputError, match="Recipient 2 is a private key") as caught:
        check_recipients([KEY, text])
    assert text[-8:] not in str(caught.value)
    assert "make another pair" in caught.value.next_step


@pytest.mark.parametrize("text", [KEY[:-1], KEY[:-1] + "q", KEY[:20] + "b" + KEY[21:], KEY.replace("pfn", "pnf")])
def test_a_key_that_was_not_copied_whole_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="it was cut, or a letter is wrong"):
        check_recipients([text])


@pytest.mark.parametrize("text", ["me@example.com", "ssh-ed25519", "ssh-dss AAAA", "age"])
def test_what_looks_like_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InputError, match="Recipient 1 is not the public key of an age identity") as caught:
        check_recipients([text])
    assert text not in caught.value.message.replace("an age identity", "")
