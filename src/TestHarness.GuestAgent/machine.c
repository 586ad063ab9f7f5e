/* The machine itself: its clock, random state, names and power. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* musl has no linux/random.h. */
#define ADD_ENTROPY 0x40085203
#define RESEED_RANDOM 0x5207

bool on_machine = true;

/* machine-id(5), where the guest has one: of a random number that is its own, so only after the random state is. */
static void renew_machine_id(void) {
    unsigned char random[16];
    char text[34];
    int fd = open("/etc/machine-id", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || getrandom(random, sizeof random, 0) != sizeof random) {
        close_fd(&fd);
        return;
    }
    /* As random UUIDs are marked: version 4, variant 1. */
    random[6] = (random[6] & 0x0f) | 0x40;
    random[8] = (random[8] & 0x3f) | 0x80;
    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", random[i]);
    text[32] = '\n';
    if (pwrite(fd, text, 33, 0) != 33) {
        /* A full disk: the guest keeps what the file had. */
    }
    close_fd(&fd);
}

/* /etc/hosts as it was last read. A clone asks whether it is still that, for to open and read it takes a twentieth of its start. */
static struct {
    int fd;
    struct stat status;
    size_t size;
    char text[8192];
} hosts = {.fd = -1};
static char name[65]; /* that /etc/hosts does not have yet */
static bool new_id;

static bool is_as_read(const struct stat *status) {
    return status->st_dev == hosts.status.st_dev && status->st_ino == hosts.status.st_ino && status->st_nlink > 0
        && status->st_size == hosts.status.st_size && status->st_ctim.tv_sec == hosts.status.st_ctim.tv_sec
        && status->st_ctim.tv_nsec == hosts.status.st_ctim.tv_nsec;
}

void read_hosts(void) {
    close_fd(&hosts.fd);
    hosts.fd = open("/etc/hosts", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t size = hosts.fd < 0 || fstat(hosts.fd, &hosts.status) != 0 ? -1 : pread(hosts.fd, hosts.text, sizeof hosts.text, 0);
    hosts.size = size > 0 && size < (ssize_t)sizeof hosts.text ? (size_t)size : 0;
    hosts.text[hosts.size] = 0;
}

/* False: the file is another one now. */
static bool write_hosts(const char *text, size_t size) {
    struct stat status;
    int fd = open("/etc/hosts", O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    bool same = fd >= 0 && fstat(fd, &status) == 0 && is_as_read(&status);
    if (same && (pwrite(fd, text, size, 0) != (ssize_t)size || (size < hosts.size && ftruncate(fd, (off_t)size) != 0))) {
        /* A full disk: the name does not resolve, as in an image without the line. */
    }
    close_fd(&fd);
    return same;
}

/* The line of 127.0.1.1, where there is one, gets the machine's own name, so that it resolves (as Debian's installer writes it). */
static bool rename_in_hosts(void) {
    static const char own[] = "127.0.1.1";
    static char new[sizeof hosts.text + 256];
    char *line = hosts.text;
    while (line && !(strncmp(line, own, sizeof own - 1) == 0 && strchr(" \t", line[sizeof own - 1])))
        line = (line = strchr(line, '\n')) ? line + 1 : NULL;
    if (!line)
        return true;
    const char *end = line + strcspn(line, "\n"), *dot = strchr(name, '.');
    int length = snprintf(new, sizeof new, "%.*s%s\t%s%s%.*s%s", (int)(line - hosts.text), hosts.text, own, name, dot ? " " : "",
        dot ? (int)(dot - name) : 0, name, end);
    return ((size_t)length == hosts.size && memcmp(hosts.text, new, (size_t)length) == 0) || write_hosts(new, (size_t)length);
}

/* Before the next frame is taken, and after the host has its answer, whose work until that frame then takes none of the time. */
void finish_settling(void) {
    struct stat status;
    if (new_id)
        renew_machine_id();
    new_id = false;
    if (!*name)
        return;
    bool known = hosts.fd >= 0 && fstat(hosts.fd, &status) == 0 && is_as_read(&status);
    if (!known || !rename_in_hosts()) {
        read_hosts();
        rename_in_hosts();
    }
    *name = 0;
}

/* Without a fork: a clone that has just been restored needs its own clock, random state and name before anything runs. */
void settle(const unsigned char *p, size_t size) {
    static struct { int bits, bytes; unsigned char seed[PAYLOAD]; } pool;
    static int urandom = -1; /* open before a clone needs it */
    if (size < 18 || get16(p + 16) > size - 18 || size - 18 - get16(p + 16) >= sizeof name) {
        protocol_error("SETTLE does not parse");
        return;
    }
    uint32_t bits = get32(p + 4), errors[3] = {0};
    int64_t time = (int64_t)get64(p + 8);
    size_t seed = get16(p + 16), name_size = size - 18 - seed;
    struct timespec clock = {.tv_sec = time / 1000000000, .tv_nsec = time % 1000000000};
    if (!on_machine) {
        for (int i = 0; i < 3; i++)
            errors[i] = bits >> i & 1 ? EPERM : 0;
        bits = 0;
    }
    if (bits & 1 && clock_settime(CLOCK_REALTIME, &clock) != 0)
        errors[0] = (uint32_t)errno;
    if (bits & 2) {
        if (urandom < 0)
            urandom = open("/dev/urandom", O_RDWR | O_CLOEXEC);
        memcpy(pool.seed, p + 18, seed);
        pool.bits = (int)seed * 8;
        pool.bytes = (int)seed;
        if (urandom < 0 || ioctl(urandom, ADD_ENTROPY, &pool) != 0 || ioctl(urandom, RESEED_RANDOM) != 0)
            errors[1] = (uint32_t)errno;
    }
    new_id = bits & 8;
    if (bits & 4 && sethostname((const char *)p + 18 + seed, name_size) != 0)
        errors[2] = (uint32_t)errno;
    else if (bits & 4) {
        memcpy(name, p + 18 + seed, name_size);
        name[name_size] = 0;
    }
    if (!begin(SETTLED, 0, 0))
        return;
    put(get32(p), 4);
    for (int i = 0; i < 3; i++)
        put(errors[i], 4);
    clock_gettime(CLOCK_REALTIME, &clock);
    put((uint64_t)clock.tv_sec * 1000000000u + (uint64_t)clock.tv_nsec, 8);
    finish();
}

void power(bool reboot_it, bool at_once) {
    int result;
    if (!on_machine) {
        errno = EPERM;
        result = -1;
    } else if (at_once) {
        sync();
        result = reboot(reboot_it ? RB_AUTOBOOT : RB_POWER_OFF);
    } else if (access("/run/systemd/system", F_OK) == 0)
        result = kill(1, reboot_it ? 34 + 5 : 34 + 4); /* systemd(1): SIGRTMIN+5, +4, by glibc's SIGRTMIN; musl's is another */
    else
        result = kill(1, reboot_it ? SIGTERM : SIGUSR2); /* busybox init */
    if (result != 0)
        send_error(0, errno, reboot_it ? "reboot" : "power off", "", NULL);
}
