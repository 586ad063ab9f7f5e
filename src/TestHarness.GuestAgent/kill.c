/* Killing: all that a command started, wherever it went. */
#include "agent.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PROCESSES = 16384,
    STOP_PASSES = 20,
    KILL_PASSES = 250,
};

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
long long next_kill_pass;

bool is_dying(const struct stream *s) { return s->kind == COMMAND && (s->kill == STOPPING || s->kill == KILLING); }

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
void kill_pass(void) {
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
