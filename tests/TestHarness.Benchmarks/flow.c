/*
 * One TCP connection with 64 KiB reads and writes, for what a network carries; busybox's nc is its own limit.
 *
 *   flow PORT             takes one connection, reads it to its end, and says how many bytes came
 *   flow HOST PORT MIB    connects, writes so much, and says how many MiB a second it was, until the other side has read all
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[65536];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static int fail(const char *what) {
    perror(what);
    return 1;
}

int main(int argc, char **argv) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[argc == 2 ? 1 : 2]))};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    long long total = 0;
    ssize_t got;
    if (argc == 2) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 1) != 0)
            return fail("listen");
        int peer = accept(fd, NULL, NULL);
        while ((got = read(peer, buffer, sizeof buffer)) > 0)
            total += got;
        printf("%lld\n", total);
        return got < 0 ? fail("read") : 0;
    }
    long long wanted = atoll(argv[3]) << 20;
    if (inet_pton(AF_INET, argv[1], &at.sin_addr) != 1 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        return fail("connect");
    double began = now();
    for (; total < wanted; total += got)
        if ((got = write(fd, buffer, sizeof buffer)) < 0)
            return fail("write");
    shutdown(fd, SHUT_WR);
    if (read(fd, buffer, 1) != 0)
        return fail("end");
    printf("%.3f\n", (double)total / (1 << 20) / (now() - began));
    return 0;
}
