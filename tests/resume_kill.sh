#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Kills mfg_gen 50 times at random moments and resumes it. EM_SEED repeats the moments of a run.
set -eu

program=$(cd "${top_builddir:?}" && pwd)/resume_kill

# Made and removed are some ten thousand files: in memory, if there is room for them.
fast=/dev/shm
if [ -z "${TMPDIR:-}" ] && [ -d "$fast" ] && [ -w "$fast" ] &&
    [ "$(df -Pk "$fast" | awk 'NR == 2 { print $4 }')" -gt 400000 ]; then
    TMPDIR=$fast
fi
TMPDIR=${TMPDIR:-/tmp}
export TMPDIR
exec "$program" "${MFG_GEN:?}" "${EM_SEED:-}" "${EM_KILLS:-50}"
