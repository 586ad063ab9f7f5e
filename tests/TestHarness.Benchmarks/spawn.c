/*
 * The reference for the cost of a command: posix_spawn and wait for /bin/true, in microseconds.
 *
 *   spawn N      the median of N in a row
 *   spawn        one for each byte on standard input, a line each: as commands come, from outside and one at a time
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double spawn(void) {
    char *command[] = {"/bin/true", NULL};
    struct timespec a, b;
    pid_t pid;
    clock_gettime(CLOCK_MONOTONIC, &a);
    if (posix_spawn(&pid, command[0], NULL, NULL, command, environ) != 0 || waitpid(pid, NULL, 0) != pid)
        exit(1);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 0;
    double *took = calloc((size_t)n + 1, sizeof *took);
    char asked;
    while (n == 0 && read(STDIN_FILENO, &asked, 1) == 1) {
        printf("%.0f\n", spawn());
        fflush(stdout);
    }
    for (int i = 0; i < n; i++)
        took[i] = spawn();
    qsort(took, (size_t)n, sizeof *took, compare);
    if (n > 0)
        printf("%.0f\n", took[n / 2]);
    return 0;
}
