#!/usr/bin/env bash
# Runs the tests on a fresh Debian 12 that has only the .NET SDK: installs what is missing, builds the images, ends with 'N passed, N failed'.
# Without an argument: all but the slow ones ([Trait("Speed", "Slow")]). With --all: those, too. With --quick: the tests that need no machine.
# Other arguments go to 'dotnet test', such as: --filter FullyQualifiedName~OverAgentTests
# With --soak: 500 starts and disposals (SOAK_CYCLES), half of them cut short at random (SOAK_SEED), a million commands of the agent on this host
# (SOAK_COMMANDS) and ten minutes of two machines (SOAK_SECONDS) whose every byte is checked, then 5 rounds (SOAK_ROUNDS) of the fast tests and
# some machine tests with two busy loops beside them. Takes about an hour; not part of CI.
set -euo pipefail
cd "$(dirname "$0")/.."
. examples/prerequisites.sh
# Only tests boot by UEFI, make disks for that, read a picture's text, sit at a terminal, sign and pack images, step the clock, and build the agent with
# sanitizers (by the gcc that musl-tools brings).
th_require /usr/share/OVMF/OVMF_CODE_4M.fd=ovmf mcopy=mtools tesseract=tesseract-ocr tmux=tmux gpg=gpg gpg-agent=gpg-agent gpgconf=gpgconf gpgv=gpgv zstd=zstd faketime=faketime \
    /usr/include/stdio.h=libc6-dev

case ${1:-} in
--soak | --all | --quick)
    run=${1#--}
    shift
    ;;
*) run=plain ;;
esac
results=$(mktemp -d)
busy=()
trap '[ ${#busy[@]} -eq 0 ] || kill "${busy[@]}" 2> /dev/null || true; rm -rf "$results"' EXIT

echo "== Build"
dotnet build TestHarness.sln --nologo -v quiet -clp:Summary
status=0
# What tests and the programs that they kill leave in the temporary folder goes with the run. QEMU's user passes through.
chmod 755 "$results"
export TMPDIR=$results/tmp
mkdir -m 1777 "$TMPDIR"
run_tests() {
    dotnet test "$@" --no-build --nologo 2>&1 | tee -a "$results/output" || status=$?
}
# The project's own program, without what 'dotnet test' does before the first test: half a minute a round under load.
run_program() {
    "tests/$1/bin/Debug/net10.0/$1" -noLogo -noColor "${@:2}" 2>&1 | tee -a "$results/output" || status=$?
}
building=()
# Beside what is done meanwhile. What an image's build says is shown at its end.
build_images() {
    local image
    for image in "$@"; do
        dotnet src/TestHarness.Tool/bin/Debug/net10.0/testvm.dll image build "$image" > "$results/$image" 2>&1 &
        building+=("$!:$image")
        busy+=("$!")
    done
}
await_images() {
    local one
    for one in "${building[@]}"; do
        wait "${one%%:*}" || { cat "$results/${one#*:}" && exit 1; }
        tail -n 2 "$results/${one#*:}"
    done
    building=()
    busy=()
}
if [ $run = soak ]; then
    echo "== Images"
    build_images tiny debian-12
    await_images
    echo "== Soak"
    export SOAK_CYCLES=${SOAK_CYCLES:-500} SOAK_COMMANDS=${SOAK_COMMANDS:-1000000} SOAK_SECONDS=${SOAK_SECONDS:-600}
    run_tests tests/TestHarness.Tests --filter FullyQualifiedName~Soak
    run_tests tests/TestHarness.MachineTests --filter FullyQualifiedName~SoakTests
    echo "== Under load"
    export SOAK_CYCLES=4
    unset SOAK_COMMANDS SOAK_SECONDS
    for _ in 1 2; do
        (while :; do :; done) &
        busy+=($!)
    done
    for ((round = 1; round <= ${SOAK_ROUNDS:-5}; round++)); do
        echo "== Round $round"
        run_program TestHarness.Tests
        run_program TestHarness.MachineTests -class '*.StartTests' -class '*.StopTests' -class '*.OverAgentTests' -class '*.FreshnessTests' -class '*.KilledOwnerTests'
    done
elif [ $run = quick ]; then
    echo "== Format"
    dotnet tool restore > /dev/null
    if ! dotnet csharpier check src tests examples; then
        echo "The form differs. Try: dotnet csharpier format src tests examples" >&2
        status=1
    fi
    echo "== Tests without a machine"
    run_program TestHarness.Tests -trait- Speed=Slow "$@"
else
    images=(tiny debian-12)
    # The test of the cloud image would have to wait for it. A filter's tests make what they need.
    if [ $# -eq 0 ]; then
        images+=(debian-12-cloud)
        [ $run = all ] || set -- --filter Speed!=Slow
    fi
    # A filter need not match in every project; without one a project without tests is an error (.runsettings).
    [ $# -eq 0 ] || set -- "$@" -- RunConfiguration.TreatNoTestsAsError=false
    build_images "${images[@]}"
    echo "== Tests without a machine; images meanwhile"
    run_tests tests/TestHarness.Tests "$@"
    await_images
    for image in tiny debian-12; do
        bash examples/quickstart.sh "$image"
    done
    echo "== Tests"
    # One project after the other: floods that one makes are no load for the other's boots.
    for project in $(dotnet sln list | grep csproj$ | xargs grep -l Microsoft.NET.Test.Sdk | grep -v /TestHarness.Tests/); do
        run_tests "$project" "$@"
    done
fi

# Once more at the end, where a reader of a long log looks: each failed test and the beginning of its message.
awk '/^  Failed [A-Za-z]+\.[A-Za-z_.]+.* \[.*\]$/ || /^    TestHarness.* \[FAIL\]$/ { left = 12; print "== Failed" } left-- > 0 { print substr($0, 1, 200) }' "$results/output"

# 'dotnet test' closes each assembly with 'Passed!  - Failed:     0, Passed:    12, Skipped: …', a test program with 'Total: 12, Errors: 0, Failed: 0, …'.
read -r passed failed < <(awk '
    { gsub(",", ""); split("", n); for (i = 1; i < NF; i++) n[$i] = $(i + 1) }
    /^(Passed|Failed)!  - Failed:/ { p += n["Passed:"]; f += n["Failed:"] }
    /^ +TestHarness[.a-zA-Z]+ +Total: / { p += n["Total:"] - n["Failed:"] - n["Skipped:"]; f += n["Failed:"] + n["Errors:"] }
    END { print p + 0, f + 0 }' "$results/output")
if [ $((passed + failed)) -eq 0 ]; then
    echo "No test was run." >&2
    status=1
elif [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
    echo "The run failed (exit code $status), though no test did: see above." >&2
fi
echo "$passed passed, $failed failed"
exit "$status"
