#!/bin/sh
# The first program of a guest: loads the modules that the root disk, the agent's port and the screen need, then hands over to the root
# disk. Every step counts, because a boot without KVM executes it slowly: one shell, no udev, no search.

fail()
{
    echo "testharness: $*"
    echo "testharness: block devices:" /sys/class/block/*
    # When the first program ends the kernel panics, so the machine does not just stand there.
    exit 1
}

mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys

while read -r module; do
    insmod "/modules/$module" || echo "testharness: module $module was not loaded"
done < /modules/order

root= mode=ro type=ext4 options= init=/sbin/init
read -r line < /proc/cmdline
set -f
for word in $line; do
    case $word in
        root=*) root=${word#root=} ;;
        ro | rw) mode=$word ;;
        rootfstype=*) type=${word#rootfstype=} ;;
        rootflags=*) options=,${word#rootflags=} ;;
        init=*) init=${word#init=} ;;
    esac
done
set +f

[ -n "$root" ] || fail "no root device: the kernel arguments have no root="

# virtio disks are there by now; other buses take their time.
tries=0
while :; do
    case $root in
        UUID=* | LABEL=*) device=$(findfs "$root" 2> /dev/null) ;;
        *) device=$root ;;
    esac
    [ -b "$device" ] && break
    tries=$((tries + 1))
    [ $tries -le 60 ] || fail "no root device $root"
    usleep 50000
done

mount -t "$type" -o "$mode$options" "$device" /root || fail "root device $root was not mounted as $type"
[ -x "/root$init" ] || [ -L "/root$init" ] || fail "root device $root has no $init"

mount --move /dev /root/dev
mount --move /sys /root/sys
mount --move /proc /root/proc
exec switch_root -c /dev/console /root "$init" "$@"
