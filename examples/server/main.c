/* SPDX-License-Identifier: MIT
 *
 * main.c: ticketing-server [--config FILE] [--port P] [--processes N] [--store DIR] …
 *
 * Settings come from defaults, then a file of NAME=VALUE lines, then the environment (TICKETING_NAME), then arguments;
 * the later counts. The parent only listens, starts processes and starts anew those that die; SIGTERM or SIGINT ends
 * all, each after the requests that it has begun.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_BYTES 2048
#define BACKLOG 1024
#define RESTART_PAUSE_US 200000
#define OWN_FILES 192 /* of a process besides its connections: the store, the page, the provider's book, connections on the way */

/* ---- settings ------------------------------------------------------------------------------------------------------------- */

static const struct setting {
    const char *name; /* as an argument: --name with - for _ */
    enum { NUMBER, TEXT, YES } kind;
    size_t at, room;  /* NUMBER: room is the most */
} known[] = {
#define NUMBER_OF(name, member, most) { name, NUMBER, offsetof(settings, member), most }
#define TEXT_OF(name, member) { name, TEXT, offsetof(settings, member), sizeof(((settings *)0)->member) }
    NUMBER_OF("port", port, 65535),
    NUMBER_OF("processes", processes, PROCESSES_MAX),
    NUMBER_OF("threads", threads, 256),
    NUMBER_OF("connections", connections, 100000),
    NUMBER_OF("payments", payments, 4096),
    NUMBER_OF("idle_seconds", idle_seconds, 3600),
    NUMBER_OF("reads_a_second", reads_a_second, 1000000),
    NUMBER_OF("writes_a_second", writes_a_second, 1000000),
    NUMBER_OF("ttl_seconds", ttl_seconds, 86400),
    NUMBER_OF("map_mib", map_mib, 1 << 24),
    NUMBER_OF("query_cache_kib", query_cache_kib, 1 << 20),
    { "trust_proxy", YES, offsetof(settings, trust_proxy), 1 },
    TEXT_OF("store", store),
    TEXT_OF("web", web),
    TEXT_OF("access_log", access_log),
    TEXT_OF("base_url", base_url),
    TEXT_OF("staff_token", staff_token),
    TEXT_OF("operator_token", operator_token),
};
#define KNOWN (sizeof known / sizeof *known)

static void fail(const char *what, const char *value)
{
    fprintf(stderr, "ticketing-server: %s: %s\n", what, value);
    exit(2);
}

/* What was given is not repeated: it may be a secret. */
static void fail_setting(const struct setting *k, const char *why)
{
    fail(k->name, why);
}

static void set_one(settings *s, const struct setting *k, const char *value)
{
    char *to = (char *)s + k->at, *end, most[64];
    if (k->kind == NUMBER) {
        long n = strtol(value, &end, 10);
        snprintf(most, sizeof most, "this is a whole number from 0 to %zu", k->room);
        if (*value == '\0' || *end != '\0' || n < 0 || (size_t)n > k->room)
            fail_setting(k, most);
        *(int *)to = (int)n;
    } else if (k->kind == YES) {
        *(bool *)to = strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
        if (!*(bool *)to && strcmp(value, "0") != 0 && strcmp(value, "false") != 0)
            fail_setting(k, "this is 1 or 0, true or false");
    } else if (strlen(value) >= k->room)
        fail_setting(k, "this is too long");
    else
        strcpy(to, value);
}

static const struct setting *find(const char *name, size_t n)
{
    for (size_t i = 0; i < KNOWN; i++) {
        size_t at = 0;
        while (at < n && known[i].name[at] != '\0' &&
               (known[i].name[at] == name[at] || (known[i].name[at] == '_' && name[at] == '-')))
            at++;
        if (at == n && known[i].name[at] == '\0')
            return &known[i];
    }
    return NULL;
}

static void from_file(settings *s, const char *path)
{
    char line[LINE_BYTES];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail("no such settings", path);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        char *equal = strchr(line, '=');
        if (line[0] == '#' || line[0] == '\0')
            continue;
        const struct setting *k = equal != NULL ? find(line, (size_t)(equal - line)) : NULL;
        line[strcspn(line, "= \t:")] = '\0'; /* what follows may be a secret */
        if (k == NULL)
            fail(equal != NULL ? "no such setting" : "a line of settings is NAME=VALUE", line);
        set_one(s, k, equal + 1);
    }
    if (ferror(file))
        fail("the settings can't be read", path);
    fclose(file);
}

static void from_environment(settings *s)
{
    char name[64];
    for (size_t i = 0; i < KNOWN; i++) {
        size_t n = (size_t)snprintf(name, sizeof name, "TICKETING_%s", known[i].name);
        for (size_t k = 0; k < n; k++)
            name[k] = name[k] >= 'a' && name[k] <= 'z' ? (char)(name[k] - 32) : name[k];
        if (getenv(name) != NULL)
            set_one(s, &known[i], getenv(name));
    }
}

static void from_arguments(settings *s, int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        const struct setting *k = strncmp(argv[i], "--", 2) == 0 ? find(argv[i] + 2, strlen(argv[i] + 2)) : NULL;
        bool config = strcmp(argv[i], "--config") == 0;
        if (i + 1 == argc || (k == NULL && !config))
            fail("no such argument, or it wants a value", argv[i]);
        if (k != NULL)
            set_one(s, k, argv[i + 1]);
    }
}

static void help(void)
{
    puts("usage: ticketing-server [--config FILE] [--NAME VALUE ...]; NAMEs, also TICKETING_NAME in the environment:");
    for (size_t i = 0; i < KNOWN; i++)
        printf("  %s\n", known[i].name);
    exit(0);
}

static void read_settings(settings *s, int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        help();
    *s = (settings){ .port = 8080, .processes = 2, .threads = 8, .connections = 4000, .payments = 256, .idle_seconds = 30, .reads_a_second = 2000,
                     .writes_a_second = 200, .ttl_seconds = 600, .query_cache_kib = -1, .store = "ticketing-store", .web = "web" };
    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--config") == 0)
            from_file(s, argv[i + 1]);
    from_environment(s);
    from_arguments(s, argc, argv);
    if (s->processes == 0 || s->threads == 0 || s->connections == 0 || s->payments == 0)
        fail("processes, threads, connections and payments", "at least 1");
}

/* ---- processes -------------------------------------------------------------------------------------------------------------- */

static void cannot_listen(int port)
{
    char what[64];
    snprintf(what, sizeof what, "port %d can't be listened on", port);
    fail(what, strerror(errno));
}

/* On 127.0.0.1 alone: what faces the world is the proxy before it. */
static int listen_on(int *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)*port) };
    socklen_t n = sizeof address;
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &n) != 0)
        cannot_listen(*port);
    *port = ntohs(address.sin_port);
    return fd;
}

/* A connection is an open file. Where the system allows fewer, connections beyond would hang and not be refused. */
static void allow_files(settings *s)
{
    const rlim_t wanted = (rlim_t)s->connections + OWN_FILES;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY || files.rlim_cur >= wanted)
        return;
    files.rlim_cur = files.rlim_max == RLIM_INFINITY || files.rlim_max >= wanted ? wanted : files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur >= wanted)
        return;
    int most = files.rlim_cur > OWN_FILES ? (int)(files.rlim_cur - OWN_FILES) : 1;
    if (most >= s->connections)
        return;
    fprintf(stderr, "ticketing-server: connections: the system allows a process %llu open files, so %d of %d are served\n",
            (unsigned long long)files.rlim_cur, most, s->connections);
    s->connections = most;
}

/* Its signals are blocked from before it is there: none gets lost. 0: there is no process, try later. */
static pid_t start(const settings *s, int listening, uint64_t *counters)
{
    pid_t parent = getpid(), pid = fork();
    if (pid > 0)
        return pid;
    if (pid < 0) {
        fprintf(stderr, "ticketing-server: no process: %s\n", strerror(errno));
        return 0;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    exit(getppid() == parent ? worker_run(s, listening, counters) : 1);
}

/* Those that ended, and those that could not be started, are started. */
static void mend(const settings *s, int listening, uint64_t *counters, pid_t *pids)
{
    int status;
    for (pid_t gone; (gone = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int i = 0; i < s->processes; i++)
            if (pids[i] == gone) {
                fprintf(stderr, "ticketing-server: process %d ended (%s %d), another is started\n", (int)gone,
                        WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
                pids[i] = 0;
            }
    for (int i = 0; i < s->processes; i++)
        if (pids[i] == 0) {
            usleep(RESTART_PAUSE_US);
            pids[i] = start(s, listening, counters);
        }
}

static bool end_all(const settings *s, const pid_t *pids)
{
    bool well = true;
    int status;
    for (int i = 0; i < s->processes; i++)
        if (pids[i] > 0)
            kill(pids[i], SIGTERM);
    for (int i = 0; i < s->processes; i++)
        well = (pids[i] <= 0 || waitpid(pids[i], &status, 0) != pids[i] || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) && well;
    return well;
}

int main(int argc, char **argv)
{
    settings s;
    pid_t pids[PROCESSES_MAX];
    sigset_t signals;
    const struct timespec look = { 1, 0 };
    read_settings(&s, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (!worker_can(&s)) /* before anything is announced; it has said why */
        return 1;
    allow_files(&s);
    int listening = listen_on(&s.port), got;
    uint64_t *counters = mmap(NULL, TKT_API_COUNTERS * sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counters == MAP_FAILED)
        fail("counters", strerror(errno));
    for (int i = 0; i < s.processes; i++)
        pids[i] = start(&s, listening, counters);
    printf("serving on http://127.0.0.1:%d/\n", s.port);
    fflush(stdout);
    while ((got = sigtimedwait(&signals, NULL, &look)) != SIGTERM && got != SIGINT)
        mend(&s, listening, counters, pids);
    close(listening);
    return end_all(&s, pids) ? 0 : 1;
}
