# Sourced by the two set-up commands. Installs what machines need on Debian and Ubuntu, says what, and is quick where nothing is missing.
# Where it can't install, it prints the exact command and exits with 2.

th_require() {
    local wanted=("$@") missing=() packages=() entry program package
    for entry in "${wanted[@]}"; do
        program=${entry%%=*} package=${entry#*=}
        # A path is a file that a package brings.
        [[ $program == /* && -e $program ]] && continue
        PATH="$PATH:/usr/sbin:/sbin" command -v "$program" > /dev/null 2>&1 && continue
        missing+=("$program")
        [[ " ${packages[*]} " == *" $package "* ]] || packages+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0

    echo "Missing on this host: ${missing[*]}"
    local install="apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 ${packages[*]}" as=()
    if ! command -v apt-get > /dev/null 2>&1; then
        echo "This host has no apt-get. Install, with its own package manager, what has these programs: ${missing[*]}" >&2
        exit 2
    fi
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo > /dev/null 2>&1 && { sudo -n true 2> /dev/null || [ -t 0 ]; }; then
            as=(sudo)
        else
            echo "Installing needs root. Run this, then try again:" >&2
            echo "  sudo apt-get update && sudo $install" >&2
            exit 2
        fi
    fi
    echo "Installing: ${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # A new container has no package lists, and old lists name packages that are gone.
    "${as[@]}" apt-get update -qq > /dev/null
    local errors
    errors=$("${as[@]}" $install 2>&1 > /dev/null) || {
        echo "$errors" >&2
        echo "Installing failed. The command was: ${as[*]} $install" >&2
        exit 2
    }
}

if ! command -v dotnet > /dev/null 2>&1; then
    echo "The .NET SDK 10 is not on the PATH. See https://learn.microsoft.com/dotnet/core/install/linux" >&2
    exit 2
fi

# Debian's package sources are what images are built from; their lists must be there.
th_require setpriv=util-linux qemu-system-x86_64=qemu-system-x86 qemu-img=qemu-utils rsync=rsync socat=socat xorriso=xorriso ssh=openssh-client \
    mmdebstrap=mmdebstrap newuidmap=uidmap mke2fs=e2fsprogs xz=xz-utils musl-gcc=musl-tools
