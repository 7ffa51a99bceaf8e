# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows on the controller how far a module on a node has come.

Ansible has no channel for that. So the module runs in the background, as with ``async``, and keeps its progress in a
file (see ``module_utils/_runtime/progress.py``). One cheap command every few seconds reads the file, sees whether the
module still lives, and renews the lease without which the module stops. What it says is printed, a line per host.
"""

from __future__ import annotations

import os
import secrets
import shlex
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.revive.cassandra.plugins.module_utils._core import progress
from ansible_collections.revive.cassandra.plugins.plugin_utils import _play_process

POLL_SECONDS = 2.0
PRINT_SECONDS = 6.0
# Longer than any transfer; the module's lease ends what nobody is waiting for.
TIME_LIMIT_SECONDS = 30 * 24 * 3600
# Shorter than the module's lease, so a connection that comes back finds the module at work.
UNREACHABLE_SECONDS = 120.0
# A module that has said nothing for this long, and whose process is not known, did not start.
START_SECONDS = 120.0
# The background job writes its result just after the module's process has ended.
GRACE_POLLS = 3

Result = dict[str, t.Any]


class Poll(t.NamedTuple):
    """What one look at the node says."""

    job: str
    alive: bool
    report: progress.ProgressReport | None


class ProgressLines:
    """Prints a line when there is something new, and now and then when there is not."""

    def __init__(self, *, host: str, show: t.Callable[[str], None]) -> None:
        self._host = host
        self._show = show
        self._last_print: float | None = None
        self._last_seen: tuple[str, int] | None = None
        self._last_change = 0.0

    def tell(self, report: progress.ProgressReport, *, now: float) -> None:
        """Print the report if the last line is old enough."""
        seen = (report.activity, report.done_bytes)
        if seen != self._last_seen:
            self._last_seen, self._last_change = seen, now
        soon_over = not report.total_files and report.activity == progress.PREPARING
        if soon_over or (self._last_print is not None and now - self._last_print < PRINT_SECONDS):
            return
        self._last_print = now
        self._show(f"[{self._host}] {progress.render(report, unchanged_seconds=now - self._last_change)}")


class ProgressActionBase(ActionBase):
    """Runs the module of the same name and shows its progress."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Run the module normally if it is soon done, otherwise in the background with its progress."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        own_async = bool(self._task.async_val)
        if own_async or self._task.check_mode or not self.is_long(self._task.args):
            return self._run_plainly(task_vars, in_background=own_async and not self._connection.has_native_async)
        return self._run_watched(task_vars)

    def is_long(self, options: t.Mapping[str, t.Any]) -> bool:
        """Whether the module with these options takes long enough to be watched."""
        raise NotImplementedError

    def _run_plainly(self, task_vars: dict[str, t.Any], *, in_background: bool) -> Result:
        result: Result = self._execute_module(task_vars=task_vars, wrap_async=in_background)
        if not in_background:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _run_watched(self, task_vars: dict[str, t.Any]) -> Result:
        directory = self._remote_expand_user(self.get_shell_option("async_dir", default="~/.ansible_async"))
        path = self._connection._shell.join_path(directory, f"revive-{secrets.token_hex(8)}.progress")
        self._shell(f"umask 077 && mkdir -p {shlex.quote(directory)} && : > {shlex.quote(path + '.lease')}")
        files = [path, f"{path}.new", f"{path}.lease"]
        try:
            job = self._start(task_vars, path)
            if not job.get("ansible_job_id") or job.get("failed"):
                return job
            files += [job["results_file"], f"{job['results_file']}.tmp"]
            failure = self._watch(path, job["results_file"], host=task_vars.get("inventory_hostname", "node"))
            return failure or self._collect(task_vars, job)
        finally:
            # Without its lease a module that still runs, because this one was stopped, soon stops too.
            self._shell(f"rm -f {' '.join(shlex.quote(file) for file in files)}")

    def _start(self, task_vars: dict[str, t.Any], path: str) -> Result:
        asked = self._task.async_val
        # The wrapper takes its limit from here.
        self._task.async_val = TIME_LIMIT_SECONDS
        try:
            result: Result = self._execute_module(
                module_args={**self._task.args, "progress_file": path}, task_vars=task_vars, wrap_async=True
            )
            return result
        finally:
            self._task.async_val = asked

    def _watch(self, path: str, results_file: str, *, host: str) -> Result | None:
        """Wait for the module's end, printing; ``None`` at its end, a failure if it ended without a result."""
        lines = ProgressLines(host=host, show=self._show)
        began = time.monotonic()
        missed = 0
        while True:
            poll = self._poll_patiently(path, results_file)
            now = time.monotonic()
            if poll.job == "ended":
                return None
            if _play_process.is_orphan():
                # Without its lease the module soon stops, as without a controller it has to.
                return module_died(host, said="Ansible was killed.")
            if poll.report is not None:
                lines.tell(poll.report, now=now)
                missed = 0 if poll.alive else missed + 1
            elif poll.job == "missing" or now - began > START_SECONDS:
                missed += 1
            if missed >= GRACE_POLLS:
                return module_died(host)
            # Quickly at first: a node that has nothing new to send is done at once.
            time.sleep(min(POLL_SECONDS, 0.2 + (now - began) / 3))

    def _poll_patiently(self, path: str, results_file: str) -> Poll:
        """One look, tried again while the node cannot be reached for a short time."""
        began = time.monotonic()
        while True:
            try:
                return self._poll(path, results_file)
            except AnsibleConnectionFailure:
                if time.monotonic() - began > UNREACHABLE_SECONDS:
                    raise
                time.sleep(POLL_SECONDS)

    def _poll(self, path: str, results_file: str) -> Poll:
        result = self._low_level_execute_command(poll_command(path, results_file), sudoable=True)
        lines = [line for line in result.get("stdout", "").splitlines() if line.startswith("revive-")]
        values = dict(line[len("revive-") :].split(" ", 1) for line in lines if " " in line)
        return Poll(
            job=values.get("job", "unknown"),
            alive=values.get("module") == "alive",
            report=progress.decode_report(values.get("report", "")),
        )

    def _collect(self, task_vars: dict[str, t.Any], job: Result) -> Result:
        arguments = {
            "jid": job["ansible_job_id"],
            "mode": "status",
            "_async_dir": os.path.dirname(job["results_file"]),
        }
        result: Result = self._execute_module(
            module_name="ansible.legacy.async_status", module_args=arguments, task_vars=task_vars
        )
        self._remove_tmp_path(self._connection._shell.tmpdir)
        if result.get("failed") and "error" not in result and "invocation" not in result:
            # What the background job says about a module that gave no result.
            return module_died(task_vars.get("inventory_hostname", "node"), said=str(result.get("stderr") or ""))
        for internal in ("ansible_job_id", "started", "finished", "results_file"):
            result.pop(internal, None)
        return result

    def _shell(self, command: str) -> None:
        self._low_level_execute_command(command, sudoable=True)

    def _show(self, line: str) -> None:
        if not self._task.no_log:
            self._display.display(line)


def poll_command(path: str, results_file: str) -> str:
    """The command that renews the lease and says how the job stands, whether the module lives, and its report."""
    progress_file, lease, job = shlex.quote(path), shlex.quote(f"{path}.lease"), shlex.quote(results_file)
    return (
        f"touch {lease}; "
        f"if [ ! -e {job} ]; then echo 'revive-job missing'; "
        # What the background job writes first begins so; what it writes at the end is the module's own result.
        f"""elif grep -q '^{{"started"' {job}; then echo 'revive-job running'; else echo 'revive-job ended'; fi; """
        f"report=$(cat {progress_file} 2>/dev/null); "
        """pid=$(printf %s "$report" | sed -n 's/.*"pid":\\([0-9]*\\).*/\\1/p'); """
        'if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then echo "revive-module alive"; fi; '
        'echo "revive-report $report"'
    )


def module_died(host: str, *, said: str = "") -> Result:
    """The failure of a module that ended without a result.

    :param said: what it wrote to its standard error; empty if it had no time to.
    """
    last_line = said.strip().rsplit("\n", 1)[-1]
    message = (
        f"The module on {host} ended without a result: {last_line}"
        if last_line
        else f"The module on {host} ended without a result: it was killed, or the machine was restarted."
    )
    next_step = "Run the same again; it goes on from where it was."
    result: Result = {
        "failed": True,
        "changed": True,
        "msg": f"{message} {next_step}",
        "error": {"code": "module_died", "message": message, "subject": host, "next_step": next_step},
    }
    if said:
        result["module_stderr"] = said
    return result
