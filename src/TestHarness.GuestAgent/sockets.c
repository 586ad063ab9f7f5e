/* TCP and UDP: sockets that are opened, connected and accepted. */
#include "agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static uint64_t next_accepted;

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

void open_socket(enum type type, uint32_t id, const unsigned char *payload, size_t size) {
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

void finish_connect(struct stream *s) {
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

void accept_connection(struct stream *listener) {
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
