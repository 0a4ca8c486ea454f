/* SPDX-License-Identifier: MIT
 *
 * tests/threads_probe.c: one thread and one child, and no more: can such programs be run here at all?
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void *nothing(void *arg)
{
    return arg;
}

int main(void)
{
    pthread_t thread;
    int how = 1;
    if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 1;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child > 0 && waitpid(child, &how, 0) == child && how == 0 ? 0 : 1;
}
