#!/usr/bin/env bash
# The tree stands alone: no path of one machine, no leftover marks of unfinished work.
set -euo pipefail
bad=$(grep -rnIE '(^|[^A-Za-z0-9_.$])/(work|root|home)/' --include='*' src jobs tests configs slurm analysis *.md *.sh 2>/dev/null |
      grep -v '^tests/architecture/check_text.sh' || true)
marks=$(grep -rnwE 'TODO|FIXME|XXX|HACK' src jobs tests analysis 2>/dev/null | grep -v '^tests/architecture/check_text.sh' || true)
if [ -n "$bad$marks" ]; then printf '%s\n%s\n' "$bad" "$marks"; exit 1; fi
echo "no machine paths, no marks"
