/* The machine itself: its clock, random state, names and power. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/reboot.h>
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

static char name[65]; /* that /etc/hosts does not have yet */
static bool new_id;

/* Before the next frame is taken, and after the host has its answer, whose work until that frame then takes none of the time. */
void finish_settling(void) {
    if (new_id)
        renew_machine_id();
    new_id = false;
    if (!*name)
        return;
    if (change_hosts(name, NULL, 0) != 0) {
        /* A full disk: the name does not resolve, as in an image without the line. */
    }
    *name = 0;
}

static int set_random(const unsigned char *seed, size_t size) {
    static struct { int bits, bytes; unsigned char seed[PAYLOAD]; } pool;
    static int urandom = -1; /* open before a clone needs it */
    if (urandom < 0)
        urandom = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    memcpy(pool.seed, seed, size);
    pool.bits = (int)size * 8;
    pool.bytes = (int)size;
    return urandom < 0 || ioctl(urandom, ADD_ENTROPY, &pool) != 0 || ioctl(urandom, RESEED_RANDOM) != 0 ? errno : 0;
}

/* What SETTLE has, one part behind the other. */
struct settlement {
    uint32_t request, bits;
    int64_t time;
    const unsigned char *seed, *name, *cards, *machines;
    size_t seed_size, name_size, machines_size;
    unsigned card_count;
};

static bool parse(const unsigned char *p, size_t size, struct settlement *s) {
    if (size < 20)
        return false;
    s->request = get32(p);
    s->bits = get32(p + 4);
    s->time = (int64_t)get64(p + 8);
    s->seed_size = get16(p + 16);
    if (size < 20 + s->seed_size)
        return false;
    s->seed = p + 18;
    s->name_size = s->seed[s->seed_size];
    s->name = s->seed + s->seed_size + 1;
    if (s->name_size >= sizeof name || size < 20 + s->seed_size + s->name_size)
        return false;
    s->card_count = s->name[s->name_size];
    s->cards = s->name + s->name_size + 1;
    size_t left = size - (size_t)(s->cards - p);
    ssize_t cards = cards_size(s->cards, left, s->card_count);
    if (cards < 0 || (s->card_count > 0) != !!(s->bits & 16))
        return false;
    s->machines = s->cards + cards;
    s->machines_size = left - (size_t)cards;
    return memchr(s->machines, 0, s->machines_size) == NULL;
}

/* Without a fork: a clone that has just been restored needs its own clock, random state, name and addresses before anything runs. */
void settle(const unsigned char *p, size_t size) {
    static char text[CARD_NAMES];
    struct settlement s = {0};
    uint32_t errors[4] = {0};
    *text = 0;
    if (!parse(p, size, &s)) {
        protocol_error("SETTLE does not parse");
        return;
    }
    struct timespec clock = {.tv_sec = s.time / 1000000000, .tv_nsec = s.time % 1000000000};
    if (!on_machine) {
        for (int i = 0; i < 3; i++)
            errors[i] = s.bits >> i & 1 ? EPERM : 0;
        errors[3] = s.bits & 48 ? EPERM : 0;
        s.bits = 0;
    }
    if (s.bits & 1 && clock_settime(CLOCK_REALTIME, &clock) != 0)
        errors[0] = (uint32_t)errno;
    if (s.bits & 2)
        errors[1] = (uint32_t)set_random(s.seed, s.seed_size);
    new_id = s.bits & 8;
    if (s.bits & 4 && sethostname((const char *)s.name, s.name_size) != 0)
        errors[2] = (uint32_t)errno;
    else if (s.bits & 4) {
        memcpy(name, s.name, s.name_size);
        name[s.name_size] = 0;
    }
    if (s.bits & 16)
        errors[3] = (uint32_t)set_cards(s.cards, s.card_count, text, sizeof text);
    if (!errors[3] && s.bits & 32 && (errors[3] = (uint32_t)change_hosts(*name ? name : NULL, s.machines, s.machines_size)) != 0)
        strcpy(text, "!write /etc/hosts");
    if (!begin(SETTLED, 0, 0))
        return;
    put(s.request, 4);
    for (int i = 0; i < 3; i++)
        put(errors[i], 4);
    clock_gettime(CLOCK_REALTIME, &clock);
    put((uint64_t)clock.tv_sec * 1000000000u + (uint64_t)clock.tv_nsec, 8);
    put(errors[3], 4);
    put_text(*text == '!' ? text + 1 : text);
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
