#!/usr/bin/env bash
# A slice of `make fuzz`: each target over its kept corpus and seeded mutations of it, sanitized.
#   FORETELL_SEED=N tests/fuzz/test_corpus.sh
set -uo pipefail

cd "$(dirname "$0")/../.."
readonly SEED=${FORETELL_SEED:-1} MUTATIONS=2000

targets=(tests/fuzz/fuzz_*.c)
echo "1..${#targets[@]}"
number=0
for target in "${targets[@]}"; do
    number=$((number + 1))
    name=$(basename "$target" .c)
    name=${name#fuzz_}
    inputs=("tests/fuzz/corpus/$name"/*)
    [ -e "${inputs[0]}" ] || inputs=(/dev/null)
    program=build/san-address-undefined/tests/fuzz/replay_$name
    if said=$(timeout 60 "$program" "$SEED" "$MUTATIONS" "${inputs[@]}" 2>&1); then
        echo "ok $number - $name: $said, seed $SEED"
    else
        printf '%s\n' "$said" | tail -n 40 | sed 's/^/# /'
        echo "not ok $number - $name: seed $SEED"
    fi
done
