/* The table of streams, and the pipes of those whose command has ended while a descendant still writes. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { ORPHANS = 1024 }; /* pipes kept for descendants that outlived their command */

struct stream streams[SLOTS], *top = streams;
int orphans = -1, orphan_count;
bool listeners_pause;

void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void nonblocking(int fd) { fcntl(fd, F_SETFL, O_NONBLOCK); } /* none of ours has another status flag */

struct stream *find(uint32_t id) {
    for EACH(s)
        if (s->kind != FREE && s->id == id)
            return s;
    return NULL;
}

struct stream *add(enum kind kind, uint32_t id) {
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

void drop_input(struct stream *s) {
    close_fd(&s->in);
    free(s->input);
    s->input = NULL;
    s->in_start = s->in_end = 0;
}

void release(struct stream *s) {
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
void forget(struct stream *s) {
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
void orphan(int *fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = *fd};
    if (!drain(*fd) && orphan_count < ORPHANS && epoll_ctl(orphans, EPOLL_CTL_ADD, *fd, &event) == 0) {
        orphan_count++;
        *fd = -1;
    }
    close_fd(fd);
}

void drain_orphans(void) {
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
