/* The loop: each turn waits once, and then serves whatever is ready. */
#include "agent.h"

#include <limits.h>
#include <poll.h>
#include <time.h>

bool for_ever = true;
long long now;

static struct pollfd polled[3 + 3 * SLOTS];
static int polled_count;

long long milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

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

/* ppoll(2) lets a signal in only where it waits. Beside output without end something is ready in each turn, and the end of no command would be heard. */
static void hear_signals(const sigset_t *while_waiting, int ready) {
    static int deaf_turns;
    sigset_t blocked;
    deaf_turns = ready > 0 ? deaf_turns + 1 : 0;
    if (deaf_turns < DEAF_TURNS)
        return;
    sigprocmask(SIG_SETMASK, while_waiting, &blocked);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    deaf_turns = 0;
}

void turn(const sigset_t *while_waiting) {
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
    hear_signals(while_waiting, ready);
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
    finish_settling();
    clean_up();
    more = more && out_used() <= INPUT_MARK;
    if (port < 0 && for_ever && (port = open_port()) >= 0)
        take_port(port);
}
