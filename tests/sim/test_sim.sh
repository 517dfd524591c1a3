#!/usr/bin/env bash
# A slice of the simulation: the same seeds each time, plain and with sanitizers. Prints TAP.
# `make sim RUNS=10000` explores further.
set -uo pipefail

cd "$(dirname "$0")/../.."
failed=0

# NUMBER NAME COMMAND...
check() {
    local number=$1 name=$2
    shift 2
    if output=$("$@" 2>&1); then
        echo "ok $number - $name"
    else
        failed=1
        echo "not ok $number - $name"
    fi
    echo "$output" | tail -n 4 | sed 's/^/# /'
}

# One seed twice, word for word the same.
repeats() {
    local seed=$1
    cmp <(build/tests/sim/sim "$seed" 2>/dev/null) <(build/tests/sim/sim "$seed" 2>/dev/null)
}

echo 1..5
check 1 "seeds 1 to 300 end as one clean pass" build/tests/sim/sim 1 300 2
check 2 "seeds 301 to 340, with sanitizers" \
    build/san-address-undefined/tests/sim/sim 301 40 2
check 3 "a seed repeats its run exactly" repeats 7
check 4 "it can fail, and so can a unit test: four mutants are caught" \
    tests/sim/mutants offsets-after-the-commit replay-skipped outputs-not-suppressed \
    every-site-delivers-everywhere
check 5 "every mutant still has its text" tests/sim/mutants --texts
exit $failed
