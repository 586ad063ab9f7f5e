/*
 * testharness-agent: the library's hand inside a guest. PROTOCOL.md, next to this file, is what it speaks.
 *
 * One thread, one poll loop, no descriptor that blocks. Whatever could grow is bounded: the input and output of the port by
 * fixed buffers, a stream by its windows, the streams by the table. When the output buffer is full beyond a mark, the agent
 * stops taking from where more output would come (pipes, sockets, the port itself), so a slow host slows it, and nothing else.
 *
 *   testharness-agent                  serve the virtio port named testharness.agent, for ever
 *   testharness-agent --stdio          serve whoever is at the other end of standard input and output (ssh), until it goes
 *   testharness-agent --version        say what this is
 *   testharness-agent --connect PATH   serve a unix socket until it closes: for tests without a machine. It then refuses
 *                                      what would change the machine (POWER, SETTLE), since that is somebody's own.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AGENT "testharness-agent 0.1.0"
#define PORT_NAME "testharness.agent"
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define MARKER "TESTHARNESS_STREAM="

/* musl has no linux/random.h, and older headers lack the others. */
#define ADD_ENTROPY 0x40085203
#define RESEED_RANDOM 0x5207
#define OPEN_TERMINAL_PEER 0x5441 /* TIOCGPTPEER */
#define SET_CLOEXEC_RANGE 436     /* close_range(2) */
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

enum {
    PROTOCOL = 3,
    HEADER = 12,
    PAYLOAD = 65536,
    WINDOW_SIZE = 262144, /* small ones keep QEMU waiting for room, which it fills 4 KiB at a time */
    WINDOW_STEP = 65536,  /* so much taken: give the host that window back */
    STREAMS = 256,       /* that a host may have */
    SLOTS = 2 * STREAMS, /* and those it was made to forget, until their processes are gone */
    ORPHANS = 1024,      /* pipes kept for descendants that outlived their command */
    CHUNK = 32768,
    SMALL = 1024,         /* no frame but DATA has a longer payload */
    OUT_SIZE = 9 * CHUNK, /* the output buffer; up to DATA_MARK it takes what streams say, up to INPUT_MARK answers */
    DATA_MARK = 4 * CHUNK,
    INPUT_MARK = 6 * CHUNK,
    OWED = 256, /* what a stream says beyond both marks: STARTED, three ENDs, five WINDOWs of what it holds, EXIT or the ERROR of a CONNECT */
    PROCESSES = 16384,
    STOP_PASSES = 20,
    KILL_PASSES = 250,
    HOLD = 15, /* milliseconds: see is_held */
};

/*
 * So a small frame always finds room. Beyond INPUT_MARK no frame is taken, so no stream is opened either, and each of those that there are adds no more
 * than it owes. The last that passed the marks was an answer, or the largest DATA.
 */
_Static_assert(INPUT_MARK + STREAMS * OWED + 2 * (HEADER + SMALL) <= OUT_SIZE, "answers and what the streams owe fit behind INPUT_MARK");
_Static_assert(DATA_MARK + HEADER + PAYLOAD <= INPUT_MARK + HEADER + SMALL, "DATA leaves as much room as an answer");

enum type {
    HELLO = 1, PING, PONG, RUN, STARTED, DATA, END, WINDOW, SIGNAL, RESIZE, KILL, EXIT, ERROR, CONNECT, LISTEN, ACCEPTED,
    SETTLE, SETTLED, POWER, BIND
};

enum exit_kind { EXITED, SIGNALLED, CLOSED };
enum kind { FREE, COMMAND, CONNECTING, CONNECTION, LISTENER, DATAGRAMS };

struct output {
    int fd;    /* -1: the channel has ended, and the host knows */
    int spent; /* a pipe that is of no more use, to be closed when there is time for it */
    uint32_t window;
    size_t left; /* once the command has ended: what is still passed on */
    bool unheld; /* and nobody is left who could write */
    int polled;
};

struct stream {
    enum kind kind;
    uint32_t id; /* 0: the host has forgotten it, and its processes are being killed */
    uint64_t serial;
    pid_t pid; /* not reaped before EXIT is sent, so that it cannot be given to another process */
    bool terminal, ended, announced, lingered, told; /* told: EXIT is on its way, only what is left of it here has to go */
    long long held_until;
    enum { ALIVE, STOPPING, KILLING, KILLED } kill;
    int kill_passes, clean_passes, found;
    unsigned long long born;
    enum exit_kind exit_kind;
    uint32_t exit_code;
    int in; /* towards the guest; a descriptor of its own also where it is the same socket or terminal as out[0] */
    int in_polled;
    bool in_closing, in_refused;
    uint32_t in_window, in_taken;
    unsigned char *input; /* only while something waits: WINDOW_SIZE bytes, of which in_start to in_end */
    size_t in_start, in_end;
    struct output out[2];
};

static struct stream streams[SLOTS], *top = streams; /* no slot from top on is used */
#define EACH(s) (struct stream *s = streams; s < top; s++)

static int port = -1, port_out = -1, gone_watch = -1, orphans = -1, orphan_count; /* port_out: where it is not the port */
static bool prepared; /* for the next command */
static int nothing = -1, spare[2][2] = {{-1, -1}, {-1, -1}}; /* /dev/null; pipes for the output of the command to come */
static bool on_machine = true, for_ever = true, in_step, host_gone, greet, listeners_pause, overrun, held_up;
static volatile sig_atomic_t child_ended;
static char token[17];
static uint64_t next_serial, next_accepted;
static long long now, next_kill_pass; /* now: milliseconds, as of this turn */
static struct rlimit files_before;
static unsigned char in[2 * (HEADER + PAYLOAD)], out[OUT_SIZE];
static size_t in_start, in_end, out_start, out_end, frame_at, frame_end;

/* ---- numbers and frames ---- */

static uint32_t get16(const unsigned char *p) { return p[0] | (uint32_t)p[1] << 8; }
static uint32_t get32(const unsigned char *p) { return get16(p) | get16(p + 2) << 16; }
static uint64_t get64(const unsigned char *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }
static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t out_used(void) { return out_end - out_start; }

static long long milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void put(uint64_t value, size_t size) {
    if (frame_end - out_end < size) {
        overrun = true;
        return;
    }
    for (; size > 0; size--, value >>= 8)
        out[out_end++] = (unsigned char)value;
}

static void put_bytes(const void *bytes, size_t size) {
    if (frame_end - out_end < size) {
        overrun = true;
        return;
    }
    memcpy(out + out_end, bytes, size);
    out_end += size;
}

static void put_text(const char *text) { put_bytes(text, strnlen(text, SMALL / 2)); }

/*
 * A frame is made where it is sent from. Nothing else moves what the buffer holds, and nothing else is done until `finish` or `drop`, so no place in the
 * buffer is kept across a move. False: no room for such a payload now, and nothing has changed.
 */
static bool open_frame(enum type type, uint32_t id, int channel, size_t room) {
    if (OUT_SIZE - out_end < HEADER + room) {
        memmove(out, out + out_start, out_used());
        out_end -= out_start;
        out_start = 0;
    }
    if (OUT_SIZE - out_end < HEADER + room)
        return false;
    frame_at = out_end;
    frame_end = out_end + HEADER + room;
    put(0, 4);
    put(id, 4);
    put(type, 1);
    put((uint64_t)channel, 1);
    put_text("TH");
    return true;
}

/* The marks leave room for every small frame. Were that ever wrong, all starts anew, since the host must not miss one and believe the rest. */
static bool begin(enum type type, uint32_t id, int channel) {
    bool begun = open_frame(type, id, channel, SMALL);
    overrun |= !begun;
    return begun;
}

static void finish(void) {
    size_t end = out_end;
    out_end = frame_at;
    put(end - frame_at - HEADER, 4);
    out_end = end;
}

static void drop(void) { out_end = frame_at; }

static void send_number(enum type type, uint32_t id, int channel, uint32_t number) {
    if (!begin(type, id, channel))
        return;
    put(number, 4);
    finish();
}

/* STARTED goes before every other frame of a command. */
static void announce(struct stream *s) {
    if (s->kind != COMMAND || s->announced || s->id == 0)
        return;
    send_number(STARTED, s->id, 0, (uint32_t)s->pid);
    s->announced = true;
}

static void send_end(struct stream *s, int channel) {
    announce(s);
    if (begin(END, s->id, channel))
        finish();
}

static void send_exit(struct stream *s) {
    announce(s);
    if (!begin(EXIT, s->id, 0))
        return;
    put(s->exit_kind, 1);
    put(s->exit_code, 4);
    finish();
}

/* "what which: reason"; the reason is errno's own text where none is given. */
static void send_error(uint32_t id, int error, const char *what, const char *which, const char *reason) {
    char text[SMALL / 2];
    snprintf(text, sizeof text, "%s%s%.300s: %s", what, *which ? " " : "", which, reason ? reason : strerror(error));
    if (!begin(ERROR, id, 0))
        return;
    put((uint32_t)error, 4);
    put_text(text);
    finish();
}

static void send_hello(const unsigned char *nonce) {
    if (!begin(HELLO, 0, 0))
        return;
    put_bytes(nonce, 16);
    put(PROTOCOL, 2);
    put((uint32_t)getpid(), 4);
    put_text(AGENT);
    finish();
}

/* ---- streams ---- */

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void nonblocking(int fd) { fcntl(fd, F_SETFL, O_NONBLOCK); } /* none of ours has another status flag */

static struct stream *find(uint32_t id) {
    for EACH(s)
        if (s->kind != FREE && s->id == id)
            return s;
    return NULL;
}

static struct stream *add(enum kind kind, uint32_t id) {
    struct stream *slot = NULL;
    int known = 0;
    for EACH(s) {
        known += s->kind != FREE && s->id != 0;
        if (s->kind == FREE && !slot)
            slot = s;
    }
    if (known >= STREAMS || (!slot && top == streams + SLOTS))
        return NULL;
    if (!slot)
        slot = top++;
    struct output output = {.fd = -1, .spent = -1, .window = WINDOW_SIZE, .polled = -1};
    *slot = (struct stream){.kind = kind, .id = id, .in = -1, .in_polled = -1, .in_window = WINDOW_SIZE, .out = {output, output}};
    return slot;
}

static void drop_input(struct stream *s) {
    close_fd(&s->in);
    free(s->input);
    s->input = NULL;
    s->in_start = s->in_end = 0;
}

static void release(struct stream *s) {
    drop_input(s);
    for (int i = 0; i < 2; i++) {
        close_fd(&s->out[i].fd);
        close_fd(&s->out[i].spent);
    }
    s->kind = FREE;
    while (top > streams && top[-1].kind == FREE)
        top--;
    listeners_pause = false;
}

/* The host takes no more part in it: connections close, and a command's processes are killed while the slot stays. */
static void forget(struct stream *s) {
    if (s->kind != COMMAND) {
        release(s);
        return;
    }
    drop_input(s);
    close_fd(&s->out[0].fd);
    close_fd(&s->out[1].fd);
    s->id = 0;
    if (s->kill == ALIVE)
        s->kill = STOPPING;
}

/* Reads once and throws it away; true when nobody is left who could write. */
static bool drain(int fd) {
    static unsigned char waste[2 * CHUNK];
    ssize_t n = read(fd, waste, sizeof waste);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* A descendant that outlived its command still writes here. Closing would kill it by SIGPIPE, so go on reading. */
static void orphan(int *fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = *fd};
    if (!drain(*fd) && orphan_count < ORPHANS && epoll_ctl(orphans, EPOLL_CTL_ADD, *fd, &event) == 0) {
        orphan_count++;
        *fd = -1;
    }
    close_fd(fd);
}

static void drain_orphans(void) {
    struct epoll_event events[16];
    int ready = epoll_wait(orphans, events, 16, 0);
    for (int i = 0; i < ready; i++) {
        if (!drain(events[i].data.fd))
            continue;
        close(events[i].data.fd);
        orphan_count--;
        listeners_pause = false;
    }
}

/* ---- the end of commands ---- */

static void command_ended(struct stream *s, const siginfo_t *info) {
    s->ended = true;
    s->exit_kind = info->si_code == CLD_EXITED ? EXITED : SIGNALLED;
    s->exit_code = (uint32_t)info->si_status;
    drop_input(s);
    struct pollfd ends[2] = {{.fd = s->out[0].fd, .events = POLLIN}, {.fd = s->out[1].fd, .events = POLLIN}};
    poll(ends, 2, 0);
    for (int i = 0; i < 2; i++) {
        int held = 0;
        s->out[i].unheld = !s->terminal && ends[i].revents == POLLHUP; /* pipe(7): empty, and without a writer */
        if (s->out[i].unheld)
            continue;
        /* A terminal hides what its line discipline has not taken yet, but what it can hold is bounded: read until it is empty. */
        if (s->out[i].fd >= 0 && (s->terminal || ioctl(s->out[i].fd, FIONREAD, &held) != 0))
            held = 2 * PAYLOAD;
        s->out[i].left = (size_t)held;
    }
}

static void check_children(void) {
    child_ended = 0;
    for EACH(s) {
        siginfo_t info = {.si_code = CLD_EXITED};
        if (s->kind == COMMAND && !s->ended
            && waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
            command_ended(s, &info);
    }
}

/* ---- killing ---- */

static bool is_dying(const struct stream *s) { return s->kind == COMMAND && (s->kill == STOPPING || s->kill == KILLING); }

struct process {
    pid_t pid, parent;
    unsigned long long born;
    struct stream *owner;
    uint64_t serial; /* of the owner, whose slot may have another stream by the next pass */
    bool zombie, stopped;
};

/* Those of this pass, and of the last one those with an owner. Both sorted by pid. */
static struct process processes[PROCESSES], victims[PROCESSES];
static int victim_count;

static size_t read_proc(const char *pid, const char *file, char *buffer, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%.20s/%s", pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    for (ssize_t n; fd >= 0 && used + 1 < size && (n = read(fd, buffer + used, size - 1 - used)) > 0;)
        used += (size_t)n;
    close_fd(&fd);
    buffer[used] = 0;
    return used;
}

static bool read_stat(const char *pid, struct process *process, pid_t *session) {
    char text[1024], *at;
    if (read_proc(pid, "stat", text, sizeof text) == 0 || !(at = strrchr(text, ')')) || strlen(at) < 4)
        return false;
    process->zombie = at[2] == 'Z' || at[2] == 'X';
    process->stopped = at[2] == 'T' || at[2] == 't';
    at += 3;
    for (int field = 4; field <= 22; field++) { /* proc(5) counts them so */
        unsigned long long value = strtoull(at, &at, 10);
        if (field == 4)
            process->parent = (pid_t)value;
        else if (field == 6)
            *session = (pid_t)value;
        else if (field == 22)
            process->born = value;
    }
    return true;
}

static struct stream *owner_by_session(pid_t session) {
    for EACH(s)
        if (is_dying(s) && s->pid == session)
            return s;
    return NULL;
}

static struct stream *owner_by_marker(const char *pid) {
    static char environment[256 * 1024];
    char mark[64];
    size_t size = read_proc(pid, "environ", environment, sizeof environment);
    int length = snprintf(mark, sizeof mark, MARKER "%s-", token);
    char *found = memmem(environment, size, mark, (size_t)length);
    uint64_t serial = found ? strtoull(found + length, NULL, 10) : 0;
    for EACH(s)
        if (found && is_dying(s) && s->serial == serial)
            return s;
    return NULL;
}

static int by_pid(const void *a, const void *b) {
    pid_t left = ((const struct process *)a)->pid, right = ((const struct process *)b)->pid;
    return (left > right) - (left < right);
}

/* A victim stays one when its parent dies before it does, and it shows as a child of init. */
static struct stream *owner_before(const struct process *process) {
    struct process *v = bsearch(process, victims, (size_t)victim_count, sizeof *v, by_pid);
    return v && v->born == process->born && v->serial == v->owner->serial && is_dying(v->owner) ? v->owner : NULL;
}

/*
 * Looks once through /proc for all streams that are being killed: their sessions, whoever has their marker in the
 * environment, and the descendants of both. Nothing older than the oldest of the commands can be theirs, which spares
 * most reads.
 */
static int list_victims(void) {
    int count = 0;
    unsigned long long oldest = ~0ULL;
    for EACH(s) {
        if (!is_dying(s))
            continue;
        char pid[16];
        struct process leader = {0};
        pid_t session;
        snprintf(pid, sizeof pid, "%d", s->pid);
        if (s->born == 0 && read_stat(pid, &leader, &session))
            s->born = leader.born;
        oldest = s->born < oldest ? s->born : oldest;
    }
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && count < PROCESSES && (entry = readdir(proc));) {
        struct process process = {.pid = atoi(entry->d_name)};
        pid_t session = 0;
        if (process.pid <= 1 || process.pid == getpid() || !read_stat(entry->d_name, &process, &session) || process.born < oldest)
            continue;
        process.owner = owner_by_session(session);
        if (!process.owner)
            process.owner = owner_before(&process);
        if (!process.owner && !process.zombie)
            process.owner = owner_by_marker(entry->d_name);
        processes[count++] = process;
    }
    if (proc)
        closedir(proc);
    qsort(processes, (size_t)count, sizeof *processes, by_pid);
    bool changed = true;
    for (int sweep = 0; changed && sweep < 64; sweep++) {
        changed = false;
        for (struct process *p = processes; p < processes + count; p++) {
            struct process key = {.pid = p->parent}, *parent;
            if (p->owner || !(parent = bsearch(&key, processes, (size_t)count, sizeof key, by_pid)) || !parent->owner)
                continue;
            p->owner = parent->owner;
            changed = true;
        }
    }
    return count;
}

/*
 * One pass; the loop calls again until all is gone. First what is found is stopped, until a pass finds nothing that still
 * runs: what is stopped neither forks nor leaves its children to init, where nobody would know whose they were. Then it is
 * killed, until two passes in a row found nothing.
 */
static void kill_pass(void) {
    int count = -1, passes = 0;
    for EACH(s) {
        s->found = 0;
        if (is_dying(s) && count < 0)
            count = list_victims();
    }
    for (int i = 0; i < count; i++) {
        struct stream *s = processes[i].owner;
        if (s)
            s->found += !processes[i].zombie && (s->kill == KILLING || !processes[i].stopped);
    }
    for EACH(s) /* one process alone has no children to lose */
        if (s->kill == STOPPING && (s->found <= 1 || s->kill_passes >= STOP_PASSES)) {
            s->kill = KILLING;
            s->found = 1; /* the next passes tell whether it worked */
        }
    victim_count = 0;
    for (int i = 0; i < count; i++) {
        if (!processes[i].owner)
            continue;
        kill(processes[i].pid, processes[i].owner->kill == STOPPING ? SIGSTOP : SIGKILL);
        processes[i].serial = processes[i].owner->serial;
        victims[victim_count++] = processes[i];
    }
    check_children();
    for EACH(s) {
        if (!is_dying(s))
            continue;
        if (s->kill == KILLING)
            kill(-s->pid, SIGKILL); /* also where there is no /proc */
        s->clean_passes = s->kill == STOPPING || s->found || !s->ended ? 0 : s->clean_passes + 1;
        if (s->clean_passes == 2 || ++s->kill_passes == KILL_PASSES)
            s->kill = KILLED;
        else if (s->kill_passes > passes)
            passes = s->kill_passes;
    }
    next_kill_pass = now + (passes < 20 ? passes : 20);
}

static void forget_all(void) {
    bool commands = false;
    for EACH(s) {
        if (s->kind == FREE)
            continue;
        commands |= s->kind == COMMAND;
        forget(s);
    }
    if (commands)
        kill_pass();
}

static void protocol_error(const char *reason) {
    send_error(0, EPROTO, "protocol error", "", reason);
    forget_all();
    in_step = false;
}

/* ---- running commands ---- */

struct user {
    uid_t uid;
    gid_t gid;
    char name[64], home[256], shell[256];
    char environment[4][264]; /* its part of the base environment */
    gid_t groups[256];
    size_t group_count;
};

/* Splits a line of passwd(5) or group(5) at its colons; false if it has fewer fields. */
static bool split(char *line, char **fields, int count) {
    line[strcspn(line, "\n")] = 0;
    for (int i = 0; i < count; i++)
        if (!(fields[i] = strsep(&line, ":")))
            return false;
    return true;
}

/* Reads the files itself: the C library would ask a name service daemon over a socket, which could keep it waiting. */
static bool find_user(const char *name, struct user *user) {
    char *line = NULL, *fields[7], number[16];
    size_t size = 0;
    bool found = false;
    snprintf(number, sizeof number, "%u", geteuid());
    *user = (struct user){.uid = geteuid(), .gid = getegid(), .name = "root", .home = "/", .shell = "/bin/sh"};
    FILE *file = fopen("/etc/passwd", "re");
    while (file && !found && getline(&line, &size, file) > 0) {
        if (!split(line, fields, 7) || strcmp(name ? fields[0] : fields[2], name ? name : number) != 0)
            continue;
        found = true;
        user->uid = (uid_t)strtoul(fields[2], NULL, 10);
        user->gid = (gid_t)strtoul(fields[3], NULL, 10);
        snprintf(user->name, sizeof user->name, "%s", fields[0]);
        snprintf(user->home, sizeof user->home, "%s", *fields[5] ? fields[5] : "/");
        snprintf(user->shell, sizeof user->shell, "%s", *fields[6] ? fields[6] : "/bin/sh");
    }
    if (file)
        fclose(file);
    const char *environment[][2] = {{"HOME", user->home}, {"USER", user->name}, {"LOGNAME", user->name}, {"SHELL", user->shell}};
    for (int i = 0; i < 4; i++)
        snprintf(user->environment[i], sizeof user->environment[i], "%s=%s", environment[i][0], environment[i][1]);
    user->groups[user->group_count++] = user->gid;
    file = found && name ? fopen("/etc/group", "re") : NULL;
    while (file && getline(&line, &size, file) > 0) {
        if (!split(line, fields, 4) || (gid_t)strtoul(fields[2], NULL, 10) == user->gid)
            continue;
        for (char *member; (member = strsep(&fields[3], ","));)
            if (strcmp(member, user->name) == 0 && user->group_count < 256)
                user->groups[user->group_count++] = (gid_t)strtoul(fields[2], NULL, 10);
    }
    if (file)
        fclose(file);
    free(line);
    return found || !name;
}

/* Most commands run as whom we run as: that entry is read again only when the file has changed. */
static const struct user *find_own_user(void) {
    static struct user own;
    static struct stat seen;
    struct stat status = {0};
    if (stat("/etc/passwd", &status) != 0 || status.st_ino != seen.st_ino || status.st_size != seen.st_size
        || status.st_ctim.tv_sec != seen.st_ctim.tv_sec || status.st_ctim.tv_nsec != seen.st_ctim.tv_nsec)
        find_user(NULL, &own);
    seen = status;
    return &own;
}

static const struct user *find_other_user(const char *name) {
    static struct user other;
    return find_user(name, &other) ? &other : NULL;
}

/* What the process of a command needs. It shares our memory, so it finds this here and leaves its error here, too. */
static struct {
    char *argv[PAYLOAD / 5 + 2], *envp[PAYLOAD / 5 + 16];
    char payload[PAYLOAD + 1], marker[64], found[4096];
    const char *file, *directory, *user_name;
    const struct user *user;
    bool terminal, takes_input, change_user;
    struct winsize size;
    int fds[3], error;
    const char *failed, *failed_at;
} job;

static bool attempt(long result, const char *what, const char *which) {
    if (result >= 0)
        return true;
    job.error = errno;
    job.failed = what;
    job.failed_at = which;
    return false;
}

/*
 * The process of the next command waits ahead of it, for to make one takes a good part of the time that a short command has. It shares our memory until
 * execve(2), as the child of vfork(2) does, and our descriptors until it has a job, so that it keeps no pipe open that we close.
 */
static pid_t next;
static volatile int next_is_here, next_job; /* futex(2) words; the kernel clears the first when the process leaves our memory */
enum { NO_JOB, GIVEN, TAKEN };

/* Only system calls, and the raw ones for the identity, because the C library's forms want to tell other threads. */
static int be_next(void *parent) {
    static const uint64_t no_signals = 0;
    syscall(SYS_set_tid_address, &next_is_here);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    while (next_job == NO_JOB && getppid() == *(pid_t *)parent)
        syscall(SYS_futex, &next_job, FUTEX_WAIT, NO_JOB, NULL);
    if (next_job == NO_JOB)
        _exit(127);
    next_job = TAKEN;
    prctl(PR_SET_PDEATHSIG, 0);
    /* Containers refuse the first, and take the second, which says the same (6: CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC). */
    bool ready = attempt(unshare(CLONE_FILES) == 0 ? 0 : syscall(SET_CLOEXEC_RANGE, 3u, ~0u, 6u), "unshare", "")
        && (!job.terminal || attempt(ioctl(job.fds[0], TIOCSCTTY, 0), "terminal", ""));
    for (int fd = 0; ready && fd < 3; fd++)
        ready = attempt(dup2(job.fds[fd], fd), "dup2", "");
    if (ready && job.change_user)
        ready = attempt(syscall(SYS_setgroups, job.user->group_count, job.user->groups), "setgroups", job.user->name)
            && attempt(syscall(SYS_setgid, job.user->gid), "setgid", job.user->name)
            && attempt(syscall(SYS_setuid, job.user->uid), "setuid", job.user->name);
    if (ready && job.directory)
        ready = attempt(chdir(job.directory), "chdir", job.directory);
    else if (ready && chdir(job.user->home) != 0)
        ready = attempt(chdir("/"), "chdir", "/");
    if (ready) {
        setrlimit(RLIMIT_NOFILE, &files_before);
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL, sizeof no_signals);
        attempt(execve(job.file, job.argv, job.envp), "exec", job.file);
    }
    _exit(127);
}

static bool next_has_ended(void) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)next, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/* Has a process wait for the next command, unless one does. False: none can be made. */
static bool make_next(void) {
    static unsigned char stack[16384] __attribute__((aligned(16)));
    static pid_t self;
    if (next > 0 && !next_has_ended())
        return true;
    if (next > 0)
        waitpid(next, NULL, 0); /* somebody killed it */
    self = getpid();
    next_is_here = 1;
    next_job = NO_JOB;
    next = clone(be_next, stack + sizeof stack, CLONE_VM | CLONE_FILES | SIGCHLD, &self);
    return next > 0;
}

/* Gives the job to the process that waits for it, and comes back when that has called execve(2) or failed. */
static pid_t launch(void) {
    static const struct timespec a_while = {.tv_nsec = 100000000};
    for (int tries = 0; tries < 3 && make_next(); tries++) {
        next_job = GIVEN;
        syscall(SYS_futex, &next_job, FUTEX_WAKE, 1);
        while (next_is_here && (syscall(SYS_futex, &next_is_here, FUTEX_WAIT, 1, &a_while) == 0 || !next_has_ended()))
            if (next_is_here)
                kill(next, SIGCONT); /* somebody stopped it */
        pid_t pid = next;
        next = 0;
        if (next_job == TAKEN)
            return pid;
        waitpid(pid, NULL, 0); /* somebody killed it before it had the job */
        errno = EAGAIN;
    }
    return -1;
}

/* Looks the program up as execvp(3) does, but before the fork. A file that is there but not executable: EACCES. */
static int find_program(const char *name, const char *path) {
    int error = ENOENT;
    if (strchr(name, '/')) {
        job.file = name;
        return 0;
    }
    job.file = job.found;
    for (size_t length; *name && *path; path += length + (path[length] == ':')) {
        struct stat status;
        length = strcspn(path, ":");
        int size = snprintf(job.found, sizeof job.found, "%.*s/%s", (int)length, path, name);
        if (*path != '/' || size >= (int)sizeof job.found || stat(job.file, &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        if (status.st_mode & 0111)
            return 0;
        error = EACCES;
    }
    return error;
}

/* Takes the fields of RUN apart, in a copy, since strings end in place. False: it does not parse. */
static bool parse_run(const unsigned char *payload, size_t size, int *arguments, int *variables) {
    char *end = NULL;
    *arguments = *variables = 0;
    job.directory = job.user_name = NULL;
    job.terminal = false;
    job.takes_input = true;
    memcpy(job.payload, payload, size);
    for (size_t at = 0; at < size;) {
        char tag = job.payload[at];
        if (size - at < 5)
            return false;
        size_t length = get32(payload + at + 1);
        char *value = job.payload + at + 5;
        if (length > size - at - 5 || (tag != 'P' && memchr(value, 0, length)))
            return false;
        if (end)
            *end = 0; /* it was this field's tag, which is known now */
        end = value + length;
        at += 5 + length;
        if (tag == 'A')
            job.argv[(*arguments)++] = value;
        else if (tag == 'E' && length > 0 && *value != '=' && memchr(value, '=', length))
            job.envp[(*variables)++] = value;
        else if (tag == 'D')
            job.directory = value;
        else if (tag == 'U')
            job.user_name = value;
        else if (tag == 'N' && length == 0)
            job.takes_input = nothing < 0;
        else if (tag == 'P' && length == 4) {
            job.terminal = true;
            job.size = (struct winsize){.ws_col = (unsigned short)get16((unsigned char *)value),
                .ws_row = (unsigned short)get16((unsigned char *)value + 2)};
        } else
            return false;
    }
    if (end)
        *end = 0;
    job.argv[*arguments] = NULL;
    return *arguments > 0;
}

/* The base environment, where RUN does not say otherwise, and the marker in any case. Returns the command's PATH. */
static const char *complete_environment(int count, uint64_t serial) {
    const char *base[] = {"PATH=" DEFAULT_PATH, "LANG=C.UTF-8", job.user->environment[0], job.user->environment[1],
        job.user->environment[2], job.user->environment[3], "TERM=linux"};
    const char *path = DEFAULT_PATH;
    int given = count;
    for (int i = 0; i < given; i++) {
        if (strncmp(job.envp[i], "PATH=", 5) == 0)
            path = job.envp[i] + 5;
        if (strncmp(job.envp[i], MARKER, sizeof MARKER - 1) == 0)
            job.envp[i--] = job.envp[--given];
    }
    count = given;
    for (int i = 0; i < (job.terminal ? 7 : 6); i++) {
        bool known = false;
        for (int j = 0; j < given && !known; j++)
            known = strncmp(job.envp[j], base[i], strcspn(base[i], "=") + 1) == 0;
        if (!known)
            job.envp[count++] = (char *)base[i];
    }
    snprintf(job.marker, sizeof job.marker, MARKER "%s-%llu", token, (unsigned long long)serial);
    job.envp[count++] = job.marker;
    job.envp[count] = NULL;
    return path;
}

/* ours[0..2]: our ends of input, output, error; job.fds: the command's. */
static bool open_pipes(int ours[3]) {
    for (int i = job.takes_input ? 0 : 1; i < 3; i++) {
        int ends[2] = {-1, -1};
        if (i > 0 && spare[i - 1][0] >= 0) {
            memcpy(ends, spare[i - 1], sizeof ends);
            spare[i - 1][0] = spare[i - 1][1] = -1;
        } else if (!attempt(pipe2(ends, O_CLOEXEC), "pipe", ""))
            return false;
        else
            nonblocking(ends[i == 0]);
        if (i == 0)
            fcntl(ends[1], F_SETPIPE_SZ, WINDOW_SIZE); /* fewer switches of processes; refused to an ordinary user who has many */
        ours[i] = ends[i == 0];
        job.fds[i] = ends[i != 0];
    }
    if (!job.takes_input)
        job.fds[0] = nothing;
    return true;
}

static bool open_terminal(int ours[3]) {
    int unlock = 0, number = 0;
    char path[32];
    ours[1] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (!attempt(ours[1], "terminal", "/dev/ptmx") || !attempt(ioctl(ours[1], TIOCSPTLCK, &unlock), "terminal", ""))
        return false;
    ioctl(ours[1], TIOCSWINSZ, &job.size);
    int peer = ioctl(ours[1], OPEN_TERMINAL_PEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (peer < 0 && ioctl(ours[1], TIOCGPTN, &number) == 0) { /* before Linux 4.13 */
        snprintf(path, sizeof path, "/dev/pts/%d", number);
        peer = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    }
    if (!attempt(peer, "terminal", "/dev/pts") || !attempt(ours[0] = fcntl(ours[1], F_DUPFD_CLOEXEC, 3), "terminal", "")) {
        close_fd(&peer);
        return false;
    }
    if (job.change_user && fchown(peer, job.user->uid, (gid_t)-1) != 0)
        errno = 0; /* it works all the same, only /dev/pts/N can't be opened by its path */
    job.fds[0] = job.fds[1] = job.fds[2] = peer;
    return true;
}

/*
 * A command that has just been started, or that has begun to close its output, is left alone for a moment: a short one is over by then, and it has cost one
 * switch of processes and one write instead of four of each. Its end (SIGCHLD) ends the moment, too.
 */
static bool is_held(const struct stream *s) { return s->kind == COMMAND && s->id != 0 && !s->ended && s->kill == ALIVE && s->held_until > now; }

static void hold(struct stream *s) { s->held_until = now + HOLD; }

static void run(uint32_t id, const unsigned char *payload, size_t size) {
    int arguments, variables, error, ours[3] = {-1, -1, -1};
    if (!parse_run(payload, size, &arguments, &variables)) {
        protocol_error("RUN does not parse");
        return;
    }
    job.user = job.user_name ? find_other_user(job.user_name) : find_own_user();
    if (!job.user) {
        send_error(id, ENOENT, "user", job.user_name, "not in /etc/passwd");
        return;
    }
    job.change_user = job.user_name && geteuid() == 0;
    if (!job.change_user && job.user->uid != geteuid()) {
        send_error(id, EPERM, "user", job.user->name, NULL);
        return;
    }
    uint64_t serial = ++next_serial;
    if ((error = find_program(job.argv[0], complete_environment(variables, serial))) != 0) {
        send_error(id, error, "exec", job.argv[0], NULL);
        return;
    }
    struct stream *s = add(COMMAND, id);
    if (!s) {
        send_error(id, EAGAIN, "run", job.argv[0], "too many streams");
        return;
    }
    job.error = 0;
    job.fds[0] = job.fds[1] = job.fds[2] = -1;
    if (job.terminal ? open_terminal(ours) : open_pipes(ours))
        attempt(s->pid = launch(), "fork", "");
    if (job.fds[0] != nothing)
        close_fd(&job.fds[0]);
    if (!job.terminal) {
        close_fd(&job.fds[1]);
        close_fd(&job.fds[2]);
    }
    s->serial = serial;
    s->terminal = job.terminal;
    s->in = ours[0];
    s->out[0].fd = ours[1];
    s->out[1].fd = ours[2];
    if (job.error == 0) {
        hold(s);
        return;
    }
    if (s->pid > 0)
        waitpid(s->pid, NULL, 0); /* it has gone already */
    release(s);
    prepared = false;
    send_error(id, job.error, job.failed, job.failed_at, NULL);
}

/* ---- moving bytes ---- */

/* The channel ends for the host. `drained`: nobody can write to it any more. */
static void end_output(struct stream *s, int i, bool drained) {
    send_end(s, i + 1);
    if (s->out[i].unheld) {
        s->out[i].spent = s->out[i].fd;
        s->out[i].fd = -1;
    } else if (drained || s->kind != COMMAND || s->kill != ALIVE)
        close_fd(&s->out[i].fd);
    else
        orphan(&s->out[i].fd);
}

/* Room for bytes that are then read into the frame; false: there is none now, and none have been read. */
static bool begin_data(struct stream *s, int channel, size_t room) {
    announce(s);
    return open_frame(DATA, s->id, channel, room);
}

static void read_output(struct stream *s, int i) {
    struct output *o = &s->out[i];
    size_t want = smaller(CHUNK, o->window);
    if (s->ended)
        want = smaller(want, o->left);
    if (want == 0 || !begin_data(s, i + 1, want))
        return;
    ssize_t n = read(o->fd, out + out_end, want);
    if (n > 0) {
        out_end += (size_t)n;
        finish();
        o->window -= (uint32_t)n;
        o->left -= s->ended ? (size_t)n : 0;
        return;
    }
    drop();
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (s->ended && errno == EAGAIN)
            o->left = 0;
    } else if (n < 0 && s->kind == CONNECTION) { /* EXIT tells that it broke: no orderly end */
        s->exit_code = (uint32_t)errno;
        drop_input(s);
        close_fd(&o->fd);
    } else
        end_output(s, i, true);
}

static void give_window(struct stream *s, size_t taken) {
    s->in_taken += (uint32_t)taken;
    if (s->in_taken < WINDOW_STEP)
        return;
    announce(s);
    send_number(WINDOW, s->id, 0, s->in_taken);
    s->in_window += s->in_taken;
    s->in_taken = 0;
}

/* Nobody takes input any more: the host is told once, and what still comes is thrown away. */
static void refuse_input(struct stream *s) {
    size_t waiting = s->in_end - s->in_start;
    drop_input(s);
    if (!s->in_refused)
        send_end(s, 0);
    s->in_refused = true;
    give_window(s, waiting);
}

static size_t write_input(struct stream *s, const unsigned char *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t n = write(s->in, bytes + done, size - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            break;
        else if (errno != EINTR) {
            if (s->kind == CONNECTION)
                s->exit_code = (uint32_t)errno;
            refuse_input(s);
            return size;
        }
    }
    return done;
}

static void finish_input(struct stream *s) {
    if (!s->in_closing || s->in < 0 || s->in_end > s->in_start || s->kind == CONNECTING)
        return;
    if (s->kind == CONNECTION)
        shutdown(s->in, SHUT_WR);
    if (s->terminal && write(s->in, "\4", 1) != 1 && errno == EAGAIN)
        return; /* end of file is typed on a terminal; it will poll as writable */
    drop_input(s);
}

static void flush_input(struct stream *s) {
    size_t taken = s->in_end > s->in_start ? write_input(s, s->input + s->in_start, s->in_end - s->in_start) : 0;
    if (s->in < 0)
        return; /* refused, with what waited */
    s->in_start += taken;
    if (s->in_start == s->in_end) {
        free(s->input);
        s->input = NULL;
        s->in_start = s->in_end = 0;
    }
    give_window(s, taken);
    finish_input(s);
}

/* A datagram's peer before it: u16 port, u8 size of the address, the address. What Linux does not send at once is lost, as datagrams are. */
static bool send_datagram(const struct stream *s, const unsigned char *p, size_t size) {
    struct sockaddr_storage address = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
    if (size < 3 || (p[2] != 4 && p[2] != 16) || size - 3 < p[2])
        return false;
    bool is_four = p[2] == 4;
    address.ss_family = is_four ? AF_INET : AF_INET6;
    memcpy(is_four ? (void *)&four->sin_addr : (void *)&six->sin6_addr, p + 3, p[2]);
    four->sin_port = htons((uint16_t)get16(p)); /* at the same place for both families */
    sendto(s->out[0].fd, p + 3 + p[2], size - 3 - p[2], MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address,
        is_four ? sizeof *four : sizeof *six);
    return true;
}

/* One that the window has no room for is lost. */
static void read_datagram(struct stream *s) {
    static unsigned char bytes[PAYLOAD];
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (!begin_data(s, 1, PAYLOAD))
        return;
    ssize_t n = recvfrom(s->out[0].fd, bytes, sizeof bytes, 0, (struct sockaddr *)&address, &length);
    bool is_four = address.ss_family == AF_INET;
    size_t address_size = is_four ? 4 : 16;
    if (n < 0 || 3 + address_size + (size_t)n > s->out[0].window) {
        drop();
        return;
    }
    put(ntohs(((struct sockaddr_in *)&address)->sin_port), 2);
    put(address_size, 1);
    put_bytes(is_four ? (void *)&((struct sockaddr_in *)&address)->sin_addr : (void *)&((struct sockaddr_in6 *)&address)->sin6_addr, address_size);
    put_bytes(bytes, (size_t)n);
    finish();
    s->out[0].window -= (uint32_t)(3 + address_size + (size_t)n);
}

static void take_input(struct stream *s, const unsigned char *bytes, size_t size) {
    if (s->kind == LISTENER || size > s->in_window || (s->in_closing && !s->in_refused)) {
        protocol_error(s->in_closing ? "DATA after EOF" : "DATA beyond the window");
        return;
    }
    s->in_window -= (uint32_t)size;
    if (s->kind == DATAGRAMS && !send_datagram(s, bytes, size)) {
        protocol_error("a datagram does not parse");
        return;
    }
    size_t taken = size;
    if (s->in >= 0)
        taken = s->input || s->kind == CONNECTING ? 0 : write_input(s, bytes, size);
    if (taken < size && !s->input && !(s->input = malloc(WINDOW_SIZE))) {
        refuse_input(s);
        taken = size;
    }
    if (taken < size) {
        if (WINDOW_SIZE - s->in_end < size - taken) {
            memmove(s->input, s->input + s->in_start, s->in_end - s->in_start);
            s->in_end -= s->in_start;
            s->in_start = 0;
        }
        memcpy(s->input + s->in_end, bytes + taken, size - taken);
        s->in_end += size - taken;
    }
    give_window(s, taken);
}

/*
 * Whatever a stream still owes before its last frame. Called in every turn of the loop; does nothing for most streams. Only what a pipe still holds waits for
 * room. Nothing polls for a stream that has ended, so the loop comes again as long as one is held up by a full output buffer.
 */
static void settle_stream(struct stream *s) {
    if (s->told)
        return;
    if (!is_held(s))
        announce(s);
    if (s->kind == CONNECTION && s->in < 0 && s->out[0].fd < 0) {
        send_exit(s);
        release(s);
    }
    if (s->kind != COMMAND || is_dying(s) || (!s->ended && s->kill != KILLED))
        return;
    if (s->id != 0 && !s->ended) {
        send_error(s->id, ETIMEDOUT, "kill", "", "processes of the command do not end");
        forget(s);
        return;
    }
    if (!s->ended)
        return;
    for (int i = 0; i < 2 && s->id != 0; i++) {
        while (s->out[i].fd >= 0 && s->out[i].left > 0 && s->out[i].window > 0 && out_used() < DATA_MARK)
            read_output(s, i);
        if (s->out[i].fd >= 0 && (s->out[i].left == 0 || (s->kill == KILLED && s->out[i].window == 0)))
            end_output(s, i, false);
    }
    if (s->id != 0 && (s->out[0].fd >= 0 || s->out[1].fd >= 0)) {
        held_up |= out_used() >= DATA_MARK;
        return;
    }
    if (s->id != 0)
        send_exit(s);
    s->told = true;
}

/*
 * What nobody waits for, once all that the host waits for has been written: ended commands go, and then pipes for the next one come, rather than while a
 * command runs, which would take the processor from it.
 */
static void clean_up(void) {
    for EACH(s) {
        if (!s->told || s->kind == FREE)
            continue;
        waitpid(s->pid, NULL, 0);
        release(s);
        prepared = false;
    }
    for (int i = 0; i < 2 && !prepared; i++)
        if (spare[i][0] < 0 && pipe2(spare[i], O_CLOEXEC) == 0)
            nonblocking(spare[i][0]);
    if (!prepared)
        make_next();
    prepared = true;
}

/* ---- TCP and UDP ---- */

static socklen_t parse_address(const char *text, uint16_t number, struct sockaddr_storage *address) {
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    *address = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, *text ? text : "127.0.0.1", &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(number);
        return sizeof *four;
    }
    if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1)
        return 0;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(number);
    return sizeof *six;
}

/* A connection's one socket is polled by two descriptors, so that either direction can end alone. */
static void use_socket(struct stream *s, int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    s->out[0].fd = fd;
    s->in = fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void open_socket(enum type type, uint32_t id, const unsigned char *payload, size_t size) {
    char text[128] = "", name[160];
    const char *what = type == CONNECT ? "connect" : type == LISTEN ? "listen" : "bind";
    struct sockaddr_storage address;
    if (size < 2 || size - 2 >= sizeof text || memchr(payload + 2, 0, size - 2)) {
        protocol_error("an address does not parse");
        return;
    }
    memcpy(text, payload + 2, size - 2);
    snprintf(name, sizeof name, "%s port %u", text, get16(payload));
    socklen_t length = parse_address(text, (uint16_t)get16(payload), &address);
    if (length == 0) {
        send_error(id, EINVAL, what, name, "not an IPv4 or IPv6 address");
        return;
    }
    struct stream *s = add(type == CONNECT ? CONNECTING : type == LISTEN ? LISTENER : DATAGRAMS, id);
    if (!s) {
        send_error(id, EAGAIN, what, name, "too many streams");
        return;
    }
    int on = 1, fd = socket(address.ss_family, (type == BIND ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool done = fd >= 0;
    if (done && type == CONNECT) {
        use_socket(s, fd);
        done = s->in >= 0 && (connect(fd, (struct sockaddr *)&address, length) == 0 || errno == EINPROGRESS);
    } else if (done) {
        s->out[0].fd = fd;
        if (type == LISTEN) /* for UDP it would let two have the same port */
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        done = bind(fd, (struct sockaddr *)&address, length) == 0 && (type == BIND || listen(fd, 64) == 0)
            && getsockname(fd, (struct sockaddr *)&address, &length) == 0;
    }
    if (!done) {
        int error = errno;
        release(s);
        send_error(id, error, what, name, NULL);
    } else if (type != CONNECT) /* the port is at the same place for both families */
        send_number(STARTED, id, 0, ntohs(((struct sockaddr_in *)&address)->sin_port));
}

static void finish_connect(struct stream *s) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(s->out[0].fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) {
        send_error(s->id, error, "connect", "", NULL);
        release(s);
        return;
    }
    s->kind = CONNECTION;
    s->exit_kind = CLOSED;
    send_number(STARTED, s->id, 0, 0);
    flush_input(s);
}

static void accept_connection(struct stream *listener) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char text[INET6_ADDRSTRLEN] = "", peer[INET6_ADDRSTRLEN + 8];
    uint32_t id;
    do
        id = 0x80000000u | (uint32_t)(++next_accepted & 0x7fffffff);
    while (find(id));
    struct stream *s = add(CONNECTION, id);
    int fd = s ? accept4(listener->out[0].fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
    if (fd < 0) {
        /* No slot or no descriptor: look again when something has been freed, or poll would spin on it. */
        listeners_pause = !s || (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED);
        if (s)
            s->kind = FREE;
        return;
    }
    s->exit_kind = CLOSED;
    use_socket(s, fd);
    inet_ntop(address.ss_family, address.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&address)->sin_addr
        : (void *)&((struct sockaddr_in6 *)&address)->sin6_addr, text, sizeof text);
    snprintf(peer, sizeof peer, "%s %u", text, ntohs(((struct sockaddr_in *)&address)->sin_port));
    if (!begin(ACCEPTED, id, 0))
        return;
    put(listener->id, 4);
    put_text(peer);
    finish();
}

/* ---- the machine itself ---- */

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

/* The line of 127.0.1.1 in /etc/hosts, where the image has one, is the machine's own name, so that it resolves (as Debian's installer writes it). */
static void rename_in_hosts(const char *name) {
    static const char own[] = "127.0.1.1";
    static char old[8192], new[sizeof old + 256];
    int fd = open("/etc/hosts", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    ssize_t size = fd < 0 ? -1 : read(fd, old, sizeof old);
    if (size > 0 && size < (ssize_t)sizeof old) {
        old[size] = 0;
        char *line = old;
        while (line && !(strncmp(line, own, sizeof own - 1) == 0 && strchr(" \t", line[sizeof own - 1])))
            line = (line = strchr(line, '\n')) ? line + 1 : NULL;
        if (line) {
            const char *end = line + strcspn(line, "\n"), *dot = strchr(name, '.');
            int length = snprintf(new, sizeof new, "%.*s%s\t%s%s%.*s%s", (int)(line - old), old, own, name, dot ? " " : "", dot ? (int)(dot - name) : 0, name, end);
            bool same = length == size && memcmp(old, new, (size_t)length) == 0;
            if (!same && (pwrite(fd, new, (size_t)length, 0) != length || ftruncate(fd, length) != 0)) {
                /* A full disk: the name does not resolve, as in an image without the line. */
            }
        }
    }
    close_fd(&fd);
}

/* Without a fork: a clone that has just been restored needs its own clock, random state and name before anything runs. */
static void settle(const unsigned char *p, size_t size) {
    static struct { int bits, bytes; unsigned char seed[PAYLOAD]; } pool;
    char name[65] = "";
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
        int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
        memcpy(pool.seed, p + 18, seed);
        pool.bits = (int)seed * 8;
        pool.bytes = (int)seed;
        if (fd < 0 || ioctl(fd, ADD_ENTROPY, &pool) != 0 || ioctl(fd, RESEED_RANDOM) != 0)
            errors[1] = (uint32_t)errno;
        close_fd(&fd);
    }
    if (bits & 8)
        renew_machine_id();
    memcpy(name, p + 18 + seed, name_size);
    if (bits & 4 && sethostname(name, name_size) != 0)
        errors[2] = (uint32_t)errno;
    else if (bits & 4)
        rename_in_hosts(name);
    if (!begin(SETTLED, 0, 0))
        return;
    put(get32(p), 4);
    for (int i = 0; i < 3; i++)
        put(errors[i], 4);
    clock_gettime(CLOCK_REALTIME, &clock);
    put((uint64_t)clock.tv_sec * 1000000000u + (uint64_t)clock.tv_nsec, 8);
    finish();
}

static void power(bool reboot_it, bool at_once) {
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

/* ---- the port ---- */

static void hello(const unsigned char *nonce) {
    forget_all();
    out_start = out_end = 0;
    in_step = true;
    send_hello(nonce);
}

/* Frames for a stream that is open. */
static void stream_frame(enum type type, struct stream *s, int channel, const unsigned char *p, size_t size) {
    bool command = s->kind == COMMAND, fits = type == DATA || (type == WINDOW || type == SIGNAL || type == RESIZE ? size == 4 : size == 0);
    if (!fits || (type == DATA && channel != 0) || (type == WINDOW && (channel < 1 || channel > 2)))
        protocol_error("a frame does not parse");
    else if (type == DATA)
        take_input(s, p, size);
    else if (type == WINDOW) {
        if (get32(p) > INT32_MAX - s->out[channel - 1].window)
            protocol_error("WINDOW too large");
        else
            s->out[channel - 1].window += get32(p);
    } else if (type == END) {
        s->in_closing = true;
        finish_input(s);
    } else if (type == SIGNAL && command) {
        pid_t group = 0;
        if (!s->terminal || ioctl(s->out[0].fd, TIOCGPGRP, &group) != 0 || group <= 1)
            group = s->pid;
        kill(-group, (int)get32(p));
    } else if (type == RESIZE && command && s->terminal) {
        struct winsize window = {.ws_col = (unsigned short)get16(p), .ws_row = (unsigned short)get16(p + 2)};
        ioctl(s->out[0].fd, TIOCSWINSZ, &window);
    } else if (type == KILL && s->kind == CONNECTION && s->out[0].fd >= 0 && s->in >= 0) {
        close_fd(&s->out[0].fd); /* what has been taken for the peer still goes to it; a second KILL drops that, too */
        s->in_closing = true;
        finish_input(s);
    } else if (type == KILL && command) {
        if (s->kill == ALIVE) {
            s->kill = STOPPING;
            next_kill_pass = 0;
        }
    } else if (type == KILL && s->kind == CONNECTING) {
        send_error(s->id, ECANCELED, "connect", "", NULL); /* EXIT is for a stream that has been opened */
        release(s);
    } else if (type == KILL) {
        s->exit_kind = CLOSED;
        send_exit(s);
        release(s);
    }
}

static void handle(enum type type, uint32_t id, int channel, const unsigned char *p, size_t size) {
    struct stream *s = id != 0 ? find(id) : NULL;
    bool opens = type == RUN || type == CONNECT || type == LISTEN || type == BIND;
    if (opens && (id == 0 || id > INT32_MAX || s))
        protocol_error("a stream cannot be opened with this number");
    else if (opens && type == RUN)
        run(id, p, size);
    else if (opens)
        open_socket(type, id, p, size);
    else if (type >= DATA && type <= KILL) {
        if (s) /* one that has just ended is no mistake */
            stream_frame(type, s, channel, p, size);
    } else if (id != 0)
        protocol_error("a frame of the connection on a stream");
    else if (type == HELLO && size == 16)
        hello(p);
    else if (type == PING && size <= 64) {
        if (!begin(PONG, 0, 0))
            return;
        put_bytes(p, size);
        finish();
    } else if (type == SETTLE)
        settle(p, size);
    else if (type == POWER && size == 2 && p[0] <= 1 && p[1] <= 1)
        power(p[0], p[1]);
    else
        protocol_error("an unknown or malformed frame");
}

/* Takes the frames that are complete, as long as there is room for the answers. Returns true if some had to wait for room. */
static bool handle_input(void) {
    static const unsigned char hello_header[HEADER] = {16, 0, 0, 0, 0, 0, 0, 0, HELLO, 0, 'T', 'H'};
    while (in_end - in_start >= HEADER) {
        const unsigned char *frame = in + in_start;
        if (!in_step) {
            const unsigned char *found = memmem(frame, in_end - in_start, hello_header, HEADER);
            in_start = found ? (size_t)(found - in) : in_end - (HEADER - 1);
            if (!found || in_end - in_start < HEADER + 16)
                break;
            frame = found;
        }
        if (out_used() > INPUT_MARK && memcmp(frame, hello_header, HEADER) != 0)
            return true;
        size_t size = get32(frame);
        if (size > PAYLOAD || frame[9] > 2 || frame[10] != 'T' || frame[11] != 'H') {
            protocol_error("not a frame");
            continue;
        }
        if (in_end - in_start < HEADER + size) {
            /* A host that went away in the middle of a frame, unnoticed: the next one's HELLO ends what there is. */
            if (in_end - in_start < HEADER + HEADER + 16 || memcmp(in + in_end - HEADER - 16, hello_header, HEADER) != 0)
                break;
            in_start = in_end - HEADER - 16;
            continue;
        }
        in_start += HEADER + size;
        handle(frame[8], get32(frame + 4), frame[9], frame + HEADER, size);
    }
    if (in_start == in_end)
        in_start = in_end = 0;
    else if (sizeof in - in_start < HEADER + PAYLOAD) {
        memmove(in, in + in_start, in_end - in_start);
        in_end -= in_start;
        in_start = 0;
    }
    return false;
}

static void lose_host(void) {
    forget_all();
    in_step = false;
    host_gone = true;
    in_start = in_end = out_start = out_end = 0;
}

static void read_port(void) {
    ssize_t n;
    do { /* a virtio port gives a page at a time */
        n = read(port, in + in_end, sizeof in - in_end);
        in_end += n > 0 ? (size_t)n : 0;
    } while (n >= 4096 && in_end < sizeof in);
    if (n == 0)
        lose_host();
    else if (n < 0 && errno != EAGAIN && errno != EINTR) { /* unplugged, or the socket broke */
        lose_host();
        close_fd(&port);
    }
}

static void flush_port(void) {
    while (!host_gone && port >= 0 && out_used() > 0) {
        ssize_t n = write(port_out >= 0 ? port_out : port, out + out_start, out_used());
        if (n <= 0)
            break; /* full; or lost, which reading will find out */
        out_start += (size_t)n;
    }
    if (out_start == out_end)
        out_start = out_end = 0;
}

static int open_port(void) {
    char path[300], name[64];
    int fd = -1;
    DIR *ports = opendir("/sys/class/virtio-ports");
    for (struct dirent *entry; ports && fd < 0 && (entry = readdir(ports));) {
        snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
        if (file && fgets(name, sizeof name, file) && strcmp(name, PORT_NAME "\n") == 0) {
            snprintf(path, sizeof path, "/dev/%s", entry->d_name);
            fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        }
        if (file)
            fclose(file);
    }
    if (ports)
        closedir(ports);
    return fd;
}

/*
 * A virtio port without a host polls as hung up all the time. An edge-triggered epoll tells of changes only, so that is
 * what is waited on while the host is gone; every edge then means: look again.
 */
static void take_port(int fd) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
    port = fd;
    close_fd(&gone_watch);
    gone_watch = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(gone_watch, EPOLL_CTL_ADD, port, &event);
    in_step = false;
    host_gone = true;
    greet = true;
    in_start = in_end = out_start = out_end = 0;
}

static void say_new(void) {
    static const unsigned char nobody[16];
    send_hello(nobody);
}

/* What the host has not got yet is lost, so it has to hear that; this counts for it in the middle of a frame, too. */
static void start_anew(void) {
    forget_all();
    overrun = in_step = false;
    out_start = out_end = 0;
    say_new();
}

static void look_for_host(void) {
    struct epoll_event event;
    struct pollfd now = {.fd = port};
    epoll_wait(gone_watch, &event, 1, 0);
    if (poll(&now, 1, 0) < 0 || now.revents & (POLLHUP | POLLERR | POLLNVAL))
        return;
    host_gone = false;
    if (greet)
        say_new();
    greet = false;
}

/* ---- the loop ---- */

static struct pollfd polled[3 + 3 * SLOTS];
static int polled_count;

static int watch(int fd, short events) {
    if (fd < 0 || events == 0)
        return -1;
    polled[polled_count] = (struct pollfd){.fd = fd, .events = events};
    return polled_count++;
}

static bool is_ready(int index) { return index >= 0 && polled[index].revents != 0; }

static void watch_streams(void) {
    bool room = out_used() < DATA_MARK;
    for EACH(s) {
        s->in_polled = s->out[0].polled = s->out[1].polled = -1;
        if (s->kind == FREE || s->id == 0)
            continue;
        if (s->kind == CONNECTING)
            s->in_polled = watch(s->in, POLLOUT);
        else if (s->in_end > s->in_start || s->in_closing)
            s->in_polled = watch(s->in, POLLOUT);
        bool takes = room && !s->ended && !is_held(s) && s->kind != CONNECTING && (s->kind != LISTENER || !listeners_pause);
        for (int i = 0; i < 2 && takes; i++)
            s->out[i].polled = watch(s->out[i].fd, s->out[i].window > 0 ? POLLIN : 0);
    }
}

static void serve_stream(struct stream *s) {
    if (s->kind == FREE)
        return;
    if (s->ended) /* it takes its turn among those that still run, or they would leave it no room */
        settle_stream(s);
    if (is_ready(s->in_polled) && s->kind == CONNECTING)
        finish_connect(s);
    else if (is_ready(s->in_polled) && s->in >= 0)
        flush_input(s);
    for (int i = 0; i < 2; i++) {
        if (!is_ready(s->out[i].polled) || s->out[i].fd < 0 || out_used() >= DATA_MARK)
            continue;
        if (s->kind == LISTENER)
            accept_connection(s);
        else if (s->kind == DATAGRAMS)
            read_datagram(s);
        else if (s->kind == COMMAND && !s->lingered && polled[s->out[i].polled].revents & POLLHUP) {
            s->lingered = true; /* a process that exits closes its files first */
            hold(s);
        } else if (!is_held(s))
            read_output(s, i);
    }
}

static int wait_time(bool more, bool *killing) {
    long long left = LLONG_MAX;
    *killing = false;
    for EACH(s) {
        *killing |= is_dying(s);
        if (is_held(s) && s->held_until - now < left)
            left = s->held_until - now;
    }
    if (*killing && next_kill_pass - now < left)
        left = next_kill_pass - now;
    if (more || left <= 0)
        return 0;
    if (left < LLONG_MAX)
        return (int)left;
    if (port < 0 && for_ever)
        return 50;
    return host_gone ? 1000 : -1;
}

static void turn(const sigset_t *while_waiting) {
    static bool more, killing;
    static unsigned first;
    polled_count = 0;
    int time = wait_time(more || (held_up && out_used() < DATA_MARK), &killing);
    held_up = false;
    int orphans_at = watch(orphans, orphan_count > 0 ? POLLIN : 0);
    bool takes_input = !more && sizeof in - in_end > 0;
    short sends = !host_gone && out_used() > 0 ? POLLOUT : 0;
    int port_at = watch(host_gone ? gone_watch : port, (short)((takes_input || host_gone ? POLLIN : POLLRDHUP) | (port_out < 0 ? sends : 0)));
    watch(port_out, sends);
    watch_streams();
    struct timespec timeout = {.tv_sec = time / 1000, .tv_nsec = time % 1000 * 1000000L};
    int ready = ppoll(polled, (nfds_t)polled_count, time < 0 ? NULL : &timeout, while_waiting);
    now = milliseconds();
    if (child_ended)
        check_children();
    if (port >= 0 && host_gone && for_ever)
        look_for_host();
    else if (ready > 0 && is_ready(port_at)) {
        if (takes_input && polled[port_at].revents & ~POLLOUT)
            read_port();
        else if (polled[port_at].revents & (POLLHUP | POLLERR | POLLRDHUP))
            lose_host();
    }
    /* What polled ready is served before new frames are taken: they may close a stream and open another in its slot. */
    int count = (int)(top - streams);
    first += out_used() < DATA_MARK; /* each stream comes first in its turn, so none starves another of room */
    for (int i = 0; i < count; i++)
        serve_stream(&streams[(first + (unsigned)i) % (unsigned)count]);
    if (ready > 0 && is_ready(orphans_at))
        drain_orphans();
    more = handle_input();
    now = milliseconds();
    if ((killing || next_kill_pass == 0) && now >= next_kill_pass)
        kill_pass();
    for EACH(s)
        settle_stream(s);
    if (overrun)
        start_anew();
    flush_port();
    clean_up();
    more = more && out_used() <= INPUT_MARK;
    if (port < 0 && for_ever && (port = open_port()) >= 0)
        take_port(port);
}

static int connect_to(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        perror(path);
        exit(1);
    }
    nonblocking(fd);
    return fd;
}

static void on_child(int signal) {
    (void)signal;
    child_ended = 1;
}

/* Commands get what we leave: default signals, no descriptor of whoever started us, 0 to 2 taken, the usual umask. */
static void prepare(sigset_t *while_waiting) {
    uint64_t random = 0;
    sigset_t blocked;
    do
        nothing = open("/dev/null", O_RDWR);
    while (nothing >= 0 && nothing < 3);
    if (syscall(SET_CLOEXEC_RANGE, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) != 0)
        for (int fd = 3; fd < 1024; fd++)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    for (int number = 1; number <= 64; number++)
        signal(number, SIG_DFL);
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGPIPE); /* blocked rather than ignored: exec would hand an ignored one on */
    *while_waiting = blocked;
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    umask(022);
    getrlimit(RLIMIT_NOFILE, &files_before);
    struct rlimit files = {.rlim_cur = files_before.rlim_max < 8192 ? files_before.rlim_max : 8192, .rlim_max = files_before.rlim_max};
    if (files.rlim_cur > files_before.rlim_cur)
        setrlimit(RLIMIT_NOFILE, &files);
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint64_t)milliseconds() << 32 | (uint32_t)getpid(); /* only to tell agents apart */
    snprintf(token, sizeof token, "%016llx", (unsigned long long)random);
    orphans = epoll_create1(EPOLL_CLOEXEC);
    next_kill_pass = 1;
}

/* Out of the way of what commands get as theirs. */
static void take_standard_streams(void) {
    port = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    port_out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    int empty = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (port < 0 || port_out < 0 || dup2(empty, STDIN_FILENO) < 0 || dup2(empty, STDOUT_FILENO) < 0) {
        perror("standard input and output");
        exit(1);
    }
    close(empty);
    nonblocking(port);
    nonblocking(port_out);
}

int main(int argc, char **argv) {
    sigset_t while_waiting;
    bool stdio = argc == 2 && strcmp(argv[1], "--stdio") == 0;
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts(AGENT) < 0;
    if (argc != 1 && !stdio && (argc != 3 || strcmp(argv[1], "--connect") != 0)) {
        fprintf(stderr, "usage: %s [--stdio | --version | --connect PATH]\n", argv[0]);
        return 2;
    }
    if (stdio)
        take_standard_streams();
    prepare(&while_waiting);
    on_machine = argc <= 2;
    for_ever = argc == 1;
    if (for_ever) {
        if ((port = open_port()) >= 0)
            take_port(port);
    } else {
        if (!stdio)
            port = connect_to(argv[2]);
        say_new();
    }
    for (;;) {
        turn(&while_waiting);
        if (!for_ever && host_gone && top == streams)
            return 0;
    }
}
