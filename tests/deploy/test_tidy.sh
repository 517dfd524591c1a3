#!/usr/bin/env bash
# The checkout is tidy, and each rule of tools/tidy finds what it is for: a copy gets one bad file
# a rule.
set -u
cd "$(dirname "$0")/../.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
n=0

# result OK NAME
result() {
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# red NAME FILE EXPECTED: with stdin as FILE, tidy must print a line that matches EXPECTED.
red() {
    local out rc=0
    rm -rf "$copy"/* && mkdir -p "$copy"/{base,schemas,kafka,models,state,runtime,cli,consumers}
    # Sound neighbours, for what the bad file includes.
    printf '/* A header. */\n' | tee "$copy/kafka/bus.h" "$copy/base/err.h" \
        "$copy/runtime/worker.h" "$copy/schemas/bad.h" >"$copy/base/bad.h"
    mkdir -p "$copy/$(dirname "$2")"
    cat >"$copy/$2"
    out=$(tools/tidy "$copy") || rc=$?
    if [ "$rc" -eq 1 ] && grep -qE "^$2:[0-9]+: .*$3" <<<"$out"; then
        result 0 "finds $1"
    else
        echo "# exit code $rc, output: $out"
        result 1 "finds $1"
    fi
}

# green NAME FILE: with stdin as FILE, tidy must print nothing.
green() {
    local out
    rm -rf "$copy"/* && mkdir -p "$copy/base" "$copy/cli"
    printf '/* A header. */\n' | tee "$copy/base/dmath.h" >"$copy/base/bad.h"
    cat >"$copy/$2"
    if out=$(tools/tidy "$copy") && [ -z "$out" ]; then
        result 0 "accepts $1"
    else
        echo "# output: $out"
        result 1 "accepts $1"
    fi
}

lines() { for ((i = 0; i < $1; i++)); do printf '\tx++;\n'; done; }

if out=$(tools/tidy); then result 0 "the checkout is tidy"; else
    sed 's/^/# /' <<<"$out"
    result 1 "the checkout is tidy"
fi

red "an include that points up" base/bad.c "point down: base/ stands below runtime/" <<'C'
#include "runtime/worker.h"
C
red "an include from beside" schemas/bad.c "schemas/ stands beside kafka/" <<'C'
#include "kafka/bus.h"
C
red "an include not from the root" base/bad.c "from the root" <<'C'
#include "err.h"
C
red "a library's header outside its folder" cli/bad.h "for state/ alone" <<'C'
/* A header. */
#include <rocksdb/c.h>
C
red "an include cycle" base/bad.h "include cycle: base/bad.h -> base/bad.h" <<'C'
/* A header. */
#include "base/bad.h"
C
for f in atoi strtok sscanf sprintf strcpy strcat gets system; do
    red "$f" base/bad.c "$f\(\)" <<<"int f(void) { return $f(0); }"
done
red "exit outside main" base/bad.c "only cli/main.c" <<<'void f(void) { exit(1); }'
for f in exp log pow log1p expm1 tanh logf lgamma; do
    red "libm's $f" base/bad.c "$f\(\).*dmath" <<<"double f(double x) { return $f (x); }"
done
red "a wide line" base/bad.c "101 columns" <<<"$(printf '/* %095d */' 0)"
red "a long function" base/bad.c "function of 71 lines" <<<"int f(int x)
{
$(lines 69)
}"
red "white space at the end" base/bad.c "white space" <<<'int x; '
red "a tab where none belongs" tests/bad.py "a tab" <<<$'if x:\n\ty()'
red "C indented with spaces" base/bad.c "tabs" <<<$'int f(void)\n{\n    return 1;\n}'
red "a .c without its .h" base/alone.c "alone.h is missing" <<<'int x;'
red "a header without a comment" base/mute.h "opens with a comment" <<<'int f(void);'
red "a machine's path" docs/bad.md "one machine" <<<"see /ro""ot/notes"
red "a registry's host" docs/bad.md "registry" <<<"get it from py""pi.org"
red "a missing last newline" base/bad.c "no newline" < <(printf 'int x;')

green "banned names in comments and strings" base/bad.c <<'C'
/* atoi() and exp() are banned. */
const char *f(void)
{
	return "strcpy(a, b)"; // system()
}
C
green "names that only contain a banned one" base/bad.c <<'C'
double f(struct s *s)
{
	return dm_exp(1) + s->exp(2) + my_atoi(3) + sqrt(4);
}
C
green "libm in base/dmath.c" base/dmath.c <<<'double f(double x) { return exp(x); }'
green "exit in main" cli/main.c <<<'int main(void) { exit(1); }'
green "a function of 70 lines" base/bad.c <<<"int f(int x)
{
$(lines 68)
}"
echo "1..$n"
