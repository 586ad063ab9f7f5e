/* Moving bytes: between the host and the pipes, terminals and sockets of streams, and what a stream owes at its end. */
#include "agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WINDOW_STEP = 65536 }; /* so much taken: give the host that window back */

bool held_up;

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

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

void read_output(struct stream *s, int i) {
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

void finish_input(struct stream *s) {
    if (!s->in_closing || s->in < 0 || s->in_end > s->in_start || s->kind == CONNECTING)
        return;
    if (s->kind == CONNECTION)
        shutdown(s->in, SHUT_WR);
    if (s->terminal && write(s->in, "\4", 1) != 1 && errno == EAGAIN)
        return; /* end of file is typed on a terminal; it will poll as writable */
    drop_input(s);
}

void flush_input(struct stream *s) {
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
void read_datagram(struct stream *s) {
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

void take_input(struct stream *s, const unsigned char *bytes, size_t size) {
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
void settle_stream(struct stream *s) {
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
