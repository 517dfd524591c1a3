#!/usr/bin/env bash
# tools/setup is silent and quick where nothing is missing, also beside another of itself, and
# what it pinned is what is there.
set -u
cd "$(dirname "$0")/../.."
n=0

result() {
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

began=$(date +%s%3N)
out=$(tools/setup test 2>&1)
rc=$?
took_ms=$(($(date +%s%3N) - began))
[ "$rc" -eq 0 ] && [ -z "$out" ]
result $? "silent where nothing is missing"
# It takes some 50 ms; the bound leaves room for a busy machine.
[ "$took_ms" -lt 2000 ]
result $? "quick where nothing is missing ($took_ms ms)"

tools/setup build & one=$!
tools/setup demo & two=$!
wait $one && wait $two
result $? "two side by side"

tools/setup nonsense >/dev/null 2>&1
[ $? -eq 2 ]
result $? "an unknown purpose is a usage error"

features=$(${FORETELL:-build/foretell} --version)
grep -qE 'librdkafka 2\.(1[0-9]|[2-9][0-9])\.' <<<"$features"
result $? "foretell runs with librdkafka >= 2.10: $features"

[ -s deps/data/cdnow/CDNOW_master.txt ] &&
    [ "$(grep -c "^ [0-9]" deps/data/cdnow/CDNOW_master.txt)" -eq 69659 ]
result $? "CDNOW has its 69,659 purchases"

deps/venv/bin/python - <<'PY'
import importlib.metadata as m, sys
wrong = []
for line in open("tools/requirements.txt"):
    if "==" in line and not line.startswith("#"):
        name, version = line.strip().split("==")
        if m.version(name) != version:
            wrong.append(f"# {name} is {m.version(name)}, pinned {version}")
print("\n".join(wrong), end="")
sys.exit(bool(wrong))
PY
result $? "the Python packages have the pinned versions"
echo "1..$n"
