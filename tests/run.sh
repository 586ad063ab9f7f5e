#!/usr/bin/env bash
# Runs all tests on a fresh Debian 12 that has only the .NET SDK: installs what is missing, builds the images, ends with 'N passed, N failed'.
# Arguments go to 'dotnet test', such as: --filter FullyQualifiedName~ShellTests
set -euo pipefail
cd "$(dirname "$0")/.."
. examples/prerequisites.sh

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

echo "== Build"
dotnet build TestHarness.sln --nologo -v quiet -clp:Summary
echo "== Images"
for image in tiny debian-12; do
    bash examples/quickstart.sh "$image"
done
echo "== Tests"
status=0
dotnet test TestHarness.sln --no-build --nologo "$@" 2>&1 | tee "$results/output" || status=$?

# The runner closes each assembly with 'Passed!  - Failed:     0, Passed:    12, Skipped: …'.
read -r passed failed < <(awk '
    /^(Passed|Failed)!  - Failed:/ { gsub(",", ""); for (i = 1; i < NF; i++) { if ($i == "Failed:") f += $(i + 1); if ($i == "Passed:") p += $(i + 1) } }
    END { print p + 0, f + 0 }' "$results/output")
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
    echo "The test run itself failed (exit code $status)." >&2
fi
echo "$passed passed, $failed failed"
exit "$status"
