#!/usr/bin/env bash
# Runs a command on the checkout in a fresh Debian 12 that has only the .NET SDK ($DOTNET_ROOT), as CI does. Needs docker.
set -euo pipefail
cd "$(dirname "$0")/.."
# KVM goes in where the host has it. Unconfined: mmdebstrap and QEMU's own sandbox use namespaces and seccomp themselves.
kvm=()
[ ! -e /dev/kvm ] || kvm=(--device=/dev/kvm)
exec docker run --rm "${kvm[@]}" --privileged \
    --volume "$PWD:/source" --workdir /source \
    --volume "$DOTNET_ROOT:/usr/share/dotnet:ro" --env CI=true \
    debian:12 bash -c 'apt-get update -qq && apt-get install -qq -y --no-install-recommends ca-certificates git libicu72 > /dev/null &&
        ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet && git config --global --add safe.directory /source && exec "$@"' -- "$@"
