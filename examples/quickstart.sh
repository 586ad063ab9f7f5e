#!/usr/bin/env bash
# Boots a machine and runs commands in it. Installs what is missing first; safe to run again. Arguments go to the program: an image's name.
set -euo pipefail
cd "$(dirname "$0")/.."
. examples/prerequisites.sh
dotnet build examples/Quickstart -c Release -v quiet --nologo
exec dotnet examples/Quickstart/bin/Release/net10.0/Quickstart.dll "$@"
