/*
 * The program: what it is told, and what it leaves to the commands.
 *
 *   testharness-agent                  serve the virtio port named testharness.agent, for ever
 *   testharness-agent --stdio          serve whoever is at the other end of standard input and output (ssh), until it goes
 *   testharness-agent --version        say what this is
 *   testharness-agent --connect PATH   serve a unix socket until it closes: for tests without a machine. It then refuses
 *                                      what would change the machine (POWER, SETTLE), since that is somebody's own.
 */
#include "agent.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

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
        read_hosts();
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
