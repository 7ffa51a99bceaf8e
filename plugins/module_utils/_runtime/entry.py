# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place that knows ``AnsibleModule``: how a module begins, and how what happened becomes its result."""

from __future__ import annotations

import traceback
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values

from ansible_collections.revive.cassandra.plugins.module_utils._adapters import clock
from ansible_collections.revive.cassandra.plugins.module_utils._adapters.object_store import open_store
from ansible_collections.revive.cassandra.plugins.module_utils._core import plain_values
from ansible_collections.revive.cassandra.plugins.module_utils._core.errors import ReviveError
from ansible_collections.revive.cassandra.plugins.module_utils._core.ports import (
    ObjectStore,
    Progress,
    RepositorySettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._core.settings import (
    CqlSettings,
    InstanceOptions,
    NodeSettings,
    TransferSettings,
)
from ansible_collections.revive.cassandra.plugins.module_utils._runtime import arguments, progress
from ansible_collections.revive.cassandra.plugins.module_utils._runtime.work import NodeWork

Result = dict[str, t.Any]
#: How modules make what they return: they import from here only.
plain = plain_values.plain
#: A longer secret is not a part of some name by chance.
_LONGEST_WORD = 16


class Call:
    """What a use case gets from the module's options.

    :ivar params: the options, checked and with their defaults.
    :ivar check_mode: whether nothing may be changed.
    :ivar work: who works on the node.
    """

    def __init__(self, *, params: arguments.Params, check_mode: bool, work: NodeWork) -> None:
        self.params = params
        self.check_mode = check_mode
        self.work = work

    def repository(self) -> RepositorySettings:
        """The repository that the options name."""
        return arguments.repository_settings(self.params)

    def store(self) -> ObjectStore:
        """The repository's objects."""
        return open_store(self.repository())

    def node(self) -> NodeSettings:
        """The node on which the module runs."""
        return arguments.node_settings(self.params)

    def transfer(self) -> TransferSettings:
        """How hard a transfer may work."""
        return arguments.transfer_settings(self.params)

    def staging(self) -> InstanceOptions:
        """How staging instances run."""
        return arguments.staging_options(self.params)

    def cql(self) -> CqlSettings:
        """How to speak CQL to the node."""
        return arguments.cql_settings(self.params)

    def progress(self) -> Progress:
        """Where the operation says how far it is."""
        path = self.params["progress_file"]
        return self.work.watched(progress.FileProgress(path) if path else progress.NoProgress())

    @staticmethod
    def now_us() -> int:
        """This moment, in microseconds since the epoch."""
        return clock.now_us()


def _nothing(_call: Call) -> None:
    """What a module works on that only reads."""


def run(
    spec: arguments.Arguments,
    use_case: t.Callable[[Call], Result],
    *,
    works_on: t.Callable[[Call], str | None] = _nothing,
) -> None:
    """Run a module: its options, one use case, its result. Does not return.

    :param works_on: what it does something to on the node, in a word, such as a tag: then its play has the node alone,
        or the module itself for as long as it runs. ``None`` for nothing. In check mode nobody is asked.

    A use case returns plain values with ``changed``; where there is a difference to show, ``diff`` too, which is left
    out unless it was asked for. It raises :class:`ReviveError` for what an operator can understand.
    """
    module = AnsibleModule(supports_check_mode=True, **spec.to_module_arguments())
    work = NodeWork(module.params, module=str(module._name or "a module").rpartition(".")[2])
    call = Call(params=module.params, check_mode=module.check_mode, work=work)
    try:
        if module.check_mode:
            result = use_case(call)
        else:
            with work.going_on(works_on(call)) as said:
                if said:
                    module.warn(said)
                result = use_case(call)
    except ReviveError as error:
        module.fail_json(msg=str(error), error=error.to_result())
    except Exception as error:
        # The last resort: a clear failure rather than a bare traceback.
        module.fail_json(**_internal_error(error))
    else:
        if not module._diff:
            result.pop("diff", None)
        _exit(module, result)


def _exit(module: AnsibleModule, result: Result) -> None:
    """End with a result that arrives as it is.

    Ansible cuts the values of secret options out of everything that a module returns, also out of the middle of words.
    Later steps act on these results: with a password such as ``cassandra``, names and statements would become others in
    silence. No use case returns a secret, so those that may be a part of some name are cut out of the options alone.
    """
    options = remove_values(module.params, module.no_log_values)
    module.no_log_values = {secret for secret in module.no_log_values if len(str(secret)) > _LONGEST_WORD}
    module.exit_json(**result, invocation={"module_args": options})


def _internal_error(error: Exception) -> Result:
    message = f"revive.cassandra did not expect this error: {type(error).__name__}: {error}"
    next_step = "Please report it with the traceback that is in the result."
    return {
        "msg": f"{message}. {next_step}",
        # As text, not as an exception: only text is searched for secrets.
        "traceback": traceback.format_exception(type(error), error, error.__traceback__),
        "error": {
            "code": "internal_error",
            "message": message,
            "subject": "",
            "next_step": next_step,
            "marked": f"{message}. {next_step}",
        },
    }
