#!/bin/bash
# The churn model of the stream on five simulated companies that it was not developed on (seeds 301
# to 305), beside the oracle. Ends with 1 where a target is missed.
set -e -u -o pipefail
"$FORETELL" evaluate company | tee "$TMPDIR/company.txt"
if grep -q MISSED "$TMPDIR/company.txt"; then
	exit 1
fi
