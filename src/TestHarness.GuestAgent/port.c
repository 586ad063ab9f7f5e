/* The port: its frames are taken apart here, and its host comes and goes. */
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PORT_NAME "testharness.agent"

int port = -1, port_out = -1, gone_watch = -1;
bool host_gone;
unsigned char in[2 * (HEADER + PAYLOAD)];
size_t in_end;
static size_t in_start;
static bool in_step, greet;

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

void protocol_error(const char *reason) {
    send_error(0, EPROTO, "protocol error", "", reason);
    forget_all();
    in_step = false;
}

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
bool handle_input(void) {
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

void lose_host(void) {
    forget_all();
    in_step = false;
    host_gone = true;
    in_start = in_end = out_start = out_end = 0;
}

void read_port(void) {
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

void flush_port(void) {
    while (!host_gone && port >= 0 && out_used() > 0) {
        ssize_t n = write(port_out >= 0 ? port_out : port, out + out_start, out_used());
        if (n <= 0)
            break; /* full; or lost, which reading will find out */
        out_start += (size_t)n;
    }
    if (out_start == out_end)
        out_start = out_end = 0;
}

int open_port(void) {
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
void take_port(int fd) {
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

void say_new(void) {
    static const unsigned char nobody[16];
    send_hello(nobody);
}

/* What the host has not got yet is lost, so it has to hear that; this counts for it in the middle of a frame, too. */
void start_anew(void) {
    forget_all();
    overrun = in_step = false;
    out_start = out_end = 0;
    say_new();
}

void look_for_host(void) {
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
