#!/bin/bash
# The hazard model's prior is what the command in its header makes of simulated companies, to the
# byte. Ends with 1 where it is not.
set -e -u -o pipefail
mapfile -t flags < <(sed -n 's/^ \* *\(--seed .*\)/\1/p' models/hazard_prior.h | tr ' ' '\n')
echo "foretell evaluate company --fit FILE ${flags[*]}"
"$FORETELL" evaluate company --fit "$TMPDIR/prior.h" "${flags[@]}"
cmp "$TMPDIR/prior.h" models/hazard_prior.h
echo "models/hazard_prior.h is what it makes"
