#!/usr/bin/env bash
# Runs a command on the checkout in a fresh Debian or Ubuntu that has only the .NET SDK ($DOTNET_ROOT), as CI does. Needs docker.
# Usage: in-container.sh IMAGE COMMAND..., such as: in-container.sh debian:12 bash tests/run.sh --quick
set -euo pipefail
cd "$(dirname "$0")/.."
image=$1
shift
# KVM goes in where the host has it. Unconfined: mmdebstrap and QEMU's own sandbox use namespaces and seccomp themselves.
kvm=()
[ ! -e /dev/kvm ] || kvm=(--device=/dev/kvm)
exec docker run --rm "${kvm[@]}" --privileged \
    --volume "$PWD:/source" --workdir /source \
    --volume "$DOTNET_ROOT:/usr/share/dotnet:ro" --env CI=true \
    "$image" bash -c 'apt-get update -qq && apt-get install -qq -y --no-install-recommends ca-certificates git "^libicu[0-9]+$" > /dev/null &&
        ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet && git config --global --add safe.directory /source && exec "$@"' -- "$@"
