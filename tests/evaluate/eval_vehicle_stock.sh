#!/bin/bash
# What signals are worth for the demand of simulated vehicles, and for the stock that is
# moved by it, on five companies that nothing was chosen on.
set -e -u -o pipefail
"$FORETELL" evaluate vehicles
