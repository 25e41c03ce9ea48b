#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Kills mfg_flash line and takes the power from its boards, a few times; 'make crash' does it some
# hundred times. EM_SEED repeats the moments of a run, as far as the machine is as fast.
set -eu

program=$(cd "${top_builddir:?}" && pwd)/line_crash

# Ledgers and flashes in memory, if there is room for them.
fast=/dev/shm
if [ -z "${TMPDIR:-}" ] && [ -d "$fast" ] && [ -w "$fast" ] &&
    [ "$(df -Pk "$fast" | awk 'NR == 2 { print $4 }')" -gt 200000 ]; then
    TMPDIR=$fast
fi
TMPDIR=${TMPDIR:-/tmp}
export TMPDIR
exec "$program" "${MFG_FLASH:?}" "${MFG_SIM:?}" "${top_srcdir:?}/samples" "${EM_SEED:-}" \
    "${EM_BOARDS:-8}" "${EM_KILLS:-12}" "${EM_CUTS:-12}"
