/*
 * testharness-agent: the library's hand inside a guest. PROTOCOL.md, next to this file, is what it speaks.
 *
 * One thread, one poll loop, no descriptor that blocks. Whatever could grow is bounded: the input and output of the port by
 * fixed buffers, a stream by its windows, the streams by the table. When the output buffer is full beyond a mark, the agent
 * stops taking from where more output would come (pipes, sockets, the port itself), so a slow host slows it, and nothing else.
 *
 * Below is what the files have of each other, under the name of the one that defines it.
 */
#ifndef AGENT_H
#define AGENT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/types.h>

#define AGENT "testharness-agent 0.1.0"
#define MARKER "TESTHARNESS_STREAM="
#define SET_CLOEXEC_RANGE 436 /* close_range(2), which older headers lack */

enum {
    HEADER = 12,
    PAYLOAD = 65536,
    WINDOW_SIZE = 262144, /* small ones keep QEMU waiting for room, which it fills 4 KiB at a time */
    STREAMS = 256,        /* that a host may have */
    SLOTS = 2 * STREAMS,  /* and those it was made to forget, until their processes are gone */
    CHUNK = 32768,
    OUT_SIZE = 9 * CHUNK, /* the output buffer; up to DATA_MARK it takes what streams say, up to INPUT_MARK answers */
    DATA_MARK = 4 * CHUNK,
    DEAF_TURNS = 16, /* so many turns in a row may pass without a signal heard */
    INPUT_MARK = 6 * CHUNK,
    CARD_NAMES = 512,
};

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

/* Numbers, as the protocol has them. */
static inline uint32_t get16(const unsigned char *p) { return p[0] | (uint32_t)p[1] << 8; }
static inline uint32_t get32(const unsigned char *p) { return get16(p) | get16(p + 2) << 16; }
static inline uint64_t get64(const unsigned char *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }

/* frames.c */
extern unsigned char out[OUT_SIZE];
extern size_t out_start, out_end;
extern bool overrun;
static inline size_t out_used(void) { return out_end - out_start; }
void put(uint64_t value, size_t size);
void put_bytes(const void *bytes, size_t size);
void put_text(const char *text);
bool open_frame(enum type type, uint32_t id, int channel, size_t room);
bool begin(enum type type, uint32_t id, int channel);
void finish(void);
void drop(void);
void send_number(enum type type, uint32_t id, int channel, uint32_t number);
void announce(struct stream *s);
void send_end(struct stream *s, int channel);
void send_exit(struct stream *s);
void send_error(uint32_t id, int error, const char *what, const char *which, const char *reason);
void send_hello(const unsigned char *nonce);

/* streams.c */
extern struct stream streams[SLOTS], *top; /* no slot from top on is used */
#define EACH(s) (struct stream *s = streams; s < top; s++)
extern int orphans, orphan_count;
extern bool listeners_pause;
void close_fd(int *fd);
void nonblocking(int fd);
struct stream *find(uint32_t id);
struct stream *add(enum kind kind, uint32_t id);
void drop_input(struct stream *s);
void release(struct stream *s);
void forget(struct stream *s);
void orphan(int *fd);
void drain_orphans(void);

/* children.c */
extern volatile sig_atomic_t child_ended;
void check_children(void);

/* kill.c */
extern long long next_kill_pass;
bool is_dying(const struct stream *s);
void kill_pass(void);

/* users.c */
struct user {
    uid_t uid;
    gid_t gid;
    char name[64], home[256], shell[256];
    char environment[4][264]; /* its part of the base environment */
    gid_t groups[256];
    size_t group_count;
};
const struct user *find_own_user(void);
const struct user *find_other_user(const char *name);

/* launch.c */
/* What the process of a command needs. It shares our memory, so it finds this here and leaves its error here, too. */
struct job {
    char *argv[PAYLOAD / 5 + 2], *envp[PAYLOAD / 5 + 16];
    char payload[PAYLOAD + 1], marker[64], found[4096];
    const char *file, *directory, *user_name;
    const struct user *user;
    bool terminal, takes_input, change_user;
    struct winsize size;
    int fds[3], error;
    const char *failed, *failed_at;
};
extern struct job job;
extern struct rlimit files_before;
bool attempt(long result, const char *what, const char *which);
bool make_next(void);
pid_t launch(void);

/* run.c */
extern int nothing; /* /dev/null */
extern char token[17];
bool is_held(const struct stream *s);
void hold(struct stream *s);
void run(uint32_t id, const unsigned char *payload, size_t size);
void clean_up(void);

/* bytes.c */
extern bool held_up;
void read_output(struct stream *s, int i);
void read_datagram(struct stream *s);
void finish_input(struct stream *s);
void flush_input(struct stream *s);
void take_input(struct stream *s, const unsigned char *bytes, size_t size);
void settle_stream(struct stream *s);

/* sockets.c */
void open_socket(enum type type, uint32_t id, const unsigned char *payload, size_t size);
void finish_connect(struct stream *s);
void accept_connection(struct stream *listener);

/* machine.c */
extern bool on_machine;
void settle(const unsigned char *p, size_t size);
void finish_settling(void);
void power(bool reboot_it, bool at_once);

/* hosts.c */
void read_hosts(void);
int change_hosts(const char *name, const unsigned char *machines, size_t size);

/* cards.c */
ssize_t cards_size(const unsigned char *p, size_t size, unsigned count);
int set_cards(const unsigned char *p, unsigned count, char *names, size_t room);

/* port.c */
extern int port, port_out, gone_watch; /* port_out: where it is not the port */
extern bool host_gone;
extern unsigned char in[2 * (HEADER + PAYLOAD)];
extern size_t in_end;
void protocol_error(const char *reason);
bool handle_input(void);
void lose_host(void);
void read_port(void);
void flush_port(void);
int open_port(void);
void take_port(int fd);
void say_new(void);
void start_anew(void);
void look_for_host(void);

/* loop.c */
extern bool for_ever;
extern long long now; /* milliseconds, as of this turn */
long long milliseconds(void);
void turn(const sigset_t *while_waiting);

#endif
