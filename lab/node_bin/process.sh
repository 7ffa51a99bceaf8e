# Copyright (c) 2026, the revive.cassandra authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the commands of a node share. The file run/process is "PID START_TICKS" (field 22 of /proc/PID/stat): a process
# is only ever touched if both are still the same, so that a reused process id is never mistaken for Cassandra.

node=$(dirname "$(dirname "$(readlink -f "$0")")")
record=$node/run/process
# Sets JAVA, the Java of this node's version of Cassandra, NODETOOL_JAVA and JMX_PORT.
. "$node/conf/node.env"

fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

start_ticks() {
    [ -r "/proc/$1/stat" ] || return 1
    # Behind the name, which may have blanks: the state is the first field, the start time the twentieth.
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 == "Z" || $1 == "X" || NF < 20 { exit 1 } { print $20 } END { if (!NR) exit 1 }'
}

# Prints the process id of this node's Cassandra; false if it does not run.
running_pid() {
    [ -r "$record" ] || return 1
    read -r pid ticks <"$record" || return 1
    [ "$(start_ticks "$pid")" = "$ticks" ] && echo "$pid"
}

# Waits until the node's process is gone; false after so many seconds.
wait_for_exit() {
    tenths=$(($1 * 10))
    while running_pid >/dev/null; do
        [ "$tenths" -gt 0 ] || return 1
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

only_one_at_a_time() {
    mkdir -p "$node/run"
    exec 9>"$node/run/lock"
    flock 9
}

run_sstable_tool() {
    exec "$JAVA" "@$node/conf/tools.options" "$@"
}
