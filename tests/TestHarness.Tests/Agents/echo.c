/* Says its argument and nothing more: a command that costs a host as little as a command can. */
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    size_t size = argc == 2 ? strlen(argv[1]) : 0;
    return size == 0 || write(STDOUT_FILENO, argv[1], size) != (ssize_t)size;
}
