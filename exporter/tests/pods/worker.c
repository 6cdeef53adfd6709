/* Works once per SIGUSR1: sleeps a thousand times, then uses a CPU for a while. */
#include <signal.h>
#include <time.h>

int main(void) {
    sigset_t set;
    int number;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    while (!sigwait(&set, &number)) {
        struct timespec pause = {0, 100000};
        for (int i = 0; i < 1000; i++) nanosleep(&pause, 0);
        for (volatile int i = 0; i < 50000000; i++) {}
    }
}
