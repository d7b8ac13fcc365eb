/* The upstream of the measurements, in C: answers with bytes that were made before.

   It shares a CPU with the client in the cases that take turns, and what it touches is pushed out
   of the client's caches: so it is small, works out nothing, copies nothing, and never sees a body
   that it is sent (the kernel discards it). Linux only; no libraries.

   Started by `upstream.py` as `upstream CPU FILE`. Prints one line of JSON, the port of each name
   (a free one on 127.0.0.1), and ends when its input does, which it does when its parent dies.

   FILE has records, each a line; bytes follow where a line counts them, and an end of line:

       reply OPERATION           what any port answers to an operation, such as `invoke`
       port NAME pace|flow       what a port answers to `invoke-with-response-stream`
       write TIMES BYTES         one write of such an answer, or so many times the same

   Each write is given to the kernel by itself: all at once (`flow`), or the first at once and one
   more each millisecond (`pace`). Requests aren't pipelined; bodies have a Content-Length. Whoever
   breaks that, or asks for what isn't there, is told on stderr and cut off. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    MOST_SCRIPTS = 64,
    MOST_WRITES = 1 << 20,
    MOST_CONNECTIONS = 1024,
    LONGEST_NAME = 63,
    LONGEST_HEAD = 8192,
    MOST_TOLD = 100,
    MOST_TICKS = 20, /* made up for, when we are late */
    TICK_NS = 1000000,
};

struct piece {
    const char *bytes;
    size_t length;
    uint32_t times;
};

/* An answer: its pieces, and, where it is a port's, the socket that listens. */
struct script {
    char name[LONGEST_NAME + 1];
    const struct piece *pieces;
    size_t count;
    bool is_port;
    bool paced;
    int listener;
};

struct connection {
    int fd;                      /* -1: free */
    const struct script *port;   /* what it came in by */
    const struct script *answer; /* what is being sent; NULL while a request is read */
    size_t piece, offset;        /* where in the answer */
    uint32_t repeated;
    uint32_t released; /* writes of a paced answer that are due */
    bool blocked;      /* the kernel takes no more: we wait for EPOLLOUT */
    bool headed;       /* the head of the request has been read */
    size_t unread;     /* bytes of its body still to come */
    size_t paced_at;   /* where in `paced` */
    size_t have;       /* bytes in `head` */
    char head[LONGEST_HEAD];
};

static struct script scripts[MOST_SCRIPTS];
static size_t script_count;
static struct piece *pieces;
static struct connection connections[MOST_CONNECTIONS];
static struct connection *unused[MOST_CONNECTIONS];
static size_t unused_count;
static struct connection *paced[MOST_CONNECTIONS];
static size_t paced_count;
static int poller, timer;

static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";
static const char STREAM[] = "invoke-with-response-stream";

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "upstream: %s: %s\n", what, errno ? strerror(errno) : "can't be read");
    exit(1);
}

/* What is sent. ─────────────────────────────────────────────────────────────────────────────── */

static struct script *begin_script(const char *name, bool is_port, bool is_paced) {
    if (script_count == MOST_SCRIPTS) fail("too many answers");
    struct script *script = &scripts[script_count++];
    memcpy(script->name, name, strlen(name) + 1); /* sscanf kept it short */
    script->is_port = is_port;
    script->paced = is_paced;
    return script;
}

/* Reads FILE; pieces point into it. */
static void load(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) < 0) fail(path);
    size_t size = (size_t)about.st_size;
    const char *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    pieces = calloc(MOST_WRITES, sizeof *pieces);
    if (at == MAP_FAILED || !pieces) fail(path);
    close(fd);
    errno = 0;
    struct script *script = NULL;
    size_t used = 0;
    for (const char *end = at + size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        char line[160], name[LONGEST_NAME + 1], mode[8];
        unsigned times;
        size_t length;
        if (!stop || (size_t)(stop - at) >= sizeof line) fail(path);
        memcpy(line, at, (size_t)(stop - at));
        line[stop - at] = '\0';
        at = stop + 1;
        if (sscanf(line, "reply %63s", name) == 1) {
            script = begin_script(name, false, false);
        } else if (sscanf(line, "port %63s %7s", name, mode) == 2) {
            script = begin_script(name, true, strcmp(mode, "pace") == 0);
        } else if (script && sscanf(line, "write %u %zu", &times, &length) == 2) {
            if (!times || !length || used == MOST_WRITES || length >= (size_t)(end - at))
                fail(path);
            if (!script->pieces) script->pieces = &pieces[used];
            pieces[used++] = (struct piece){at, length, times};
            script->count++;
            at += length + 1;
        } else {
            fail(path);
        }
    }
    for (size_t each = 0; each < script_count; each++)
        if (!scripts[each].count) fail("an answer without a write");
}

static const struct script *find_answer(const struct script *port, const char *name,
                                        size_t length) {
    if (length == sizeof STREAM - 1 && memcmp(name, STREAM, length) == 0) return port;
    for (size_t each = 0; each < script_count; each++)
        if (!scripts[each].is_port && strlen(scripts[each].name) == length &&
            memcmp(scripts[each].name, name, length) == 0)
            return &scripts[each];
    return NULL;
}

/* Connections. ──────────────────────────────────────────────────────────────────────────────── */

static void set_timer(bool on) {
    struct itimerspec every = {0};
    if (on) every.it_interval.tv_nsec = every.it_value.tv_nsec = TICK_NS;
    if (timerfd_settime(timer, 0, &every, NULL) < 0) fail("timerfd_settime");
}

static void watch(struct connection *connection, bool writable) {
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0U),
                                .data.ptr = connection};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event) < 0) fail("epoll_ctl");
    connection->blocked = writable;
}

static void end_answer(struct connection *connection) {
    if (connection->answer && connection->answer->paced) {
        struct connection *last = paced[--paced_count];
        paced[connection->paced_at] = last;
        last->paced_at = connection->paced_at;
        if (!paced_count) set_timer(false);
    }
    connection->answer = NULL;
    connection->headed = false;
    connection->have = 0;
}

static void drop(struct connection *connection, const char *why) {
    static unsigned told;
    if (why && told++ < MOST_TOLD) fprintf(stderr, "upstream: cut off: %s\n", why);
    end_answer(connection);
    close(connection->fd);
    connection->fd = -1;
    unused[unused_count++] = connection;
}

/* Sends what is due of the answer, each write by itself. */
static void send_on(struct connection *connection) {
    const struct script *answer = connection->answer;
    while (!answer->paced || connection->released) {
        const struct piece *piece = &answer->pieces[connection->piece];
        ssize_t sent = send(connection->fd, piece->bytes + connection->offset,
                            piece->length - connection->offset, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN)
                drop(connection, NULL); /* the client has gone: that's its right */
            else if (!connection->blocked)
                watch(connection, true);
            return;
        }
        connection->offset += (size_t)sent;
        if (connection->offset < piece->length) continue;
        connection->offset = 0;
        if (connection->released) connection->released--;
        if (++connection->repeated < piece->times) continue;
        connection->repeated = 0;
        if (++connection->piece < answer->count) continue;
        end_answer(connection);
        break;
    }
    if (connection->blocked) watch(connection, false);
}

static void begin_answer(struct connection *connection) {
    const char *target = memchr(connection->head, ' ', connection->have);
    const char *stop = target ? strpbrk(target + 1, " ?\r") : NULL;
    const char *slash = stop ? memrchr(target, '/', (size_t)(stop - target)) : NULL;
    const struct script *answer =
        slash ? find_answer(connection->port, slash + 1, (size_t)(stop - slash - 1)) : NULL;
    if (!answer) {
        drop(connection, "it asked for what isn't there");
        return;
    }
    connection->answer = answer;
    connection->piece = connection->offset = connection->repeated = 0;
    connection->released = 1;
    if (answer->paced) {
        connection->paced_at = paced_count;
        paced[paced_count++] = connection;
        if (paced_count == 1) set_timer(true);
    }
    send_on(connection);
}

/* A millisecond has passed: every paced answer may go on by a write. */
static void tick(void) {
    uint64_t times;
    if (read(timer, &times, sizeof times) != sizeof times) return;
    if (times > MOST_TICKS) times = MOST_TICKS;
    for (; times; times--)
        for (size_t at = paced_count; at-- > 0;) { /* backwards: the last fills a gap */
            paced[at]->released++;
            if (!paced[at]->blocked) send_on(paced[at]);
        }
}

/* The value of a header of the request, NULL if it has none of that name. */
static const char *header(const struct connection *connection, const char *name) {
    size_t length = strlen(name);
    for (const char *at = connection->head; (at = strstr(at, "\r\n")) && at[2] != '\r';) {
        at += 2;
        if (strncasecmp(at, name, length) == 0) return at + length + strspn(at + length, " ");
    }
    return NULL;
}

/* Reads the head of a request, once it is whole. */
static void read_head(struct connection *connection) {
    connection->head[connection->have] = '\0';
    const char *end = strstr(connection->head, "\r\n\r\n");
    if (!end) {
        if (connection->have == LONGEST_HEAD - 1) drop(connection, "its request has a long head");
        return;
    }
    const char *length = header(connection, "content-length:");
    size_t behind = connection->have - (size_t)(end + 4 - connection->head);
    size_t body = length ? strtoull(length, NULL, 10) : 0;
    if (behind > body || header(connection, "transfer-encoding:")) {
        drop(connection, "its request has no plain Content-Length, or another behind it");
        return;
    }
    const char *expected = header(connection, "expect:");
    if (expected && !behind && strncasecmp(expected, "100-continue", 12) == 0)
        (void)send(connection->fd, CONTINUE, sizeof CONTINUE - 1, MSG_NOSIGNAL);
    connection->headed = true;
    connection->unread = body - behind;
}

static void receive(struct connection *connection) {
    bool discard = connection->headed && !connection->answer;
    ssize_t got;
    if (discard) /* tcp(7): with MSG_TRUNC "received bytes of data to be discarded" */
        got = recv(connection->fd, NULL, connection->unread, MSG_TRUNC);
    else
        got = recv(connection->fd, connection->head + connection->have,
                   LONGEST_HEAD - 1 - connection->have, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0 || connection->answer) {
        drop(connection, got > 0 ? "it sent a request before the answer had ended" : NULL);
        return;
    }
    if (discard) {
        connection->unread -= (size_t)got;
    } else {
        connection->have += (size_t)got;
        read_head(connection);
    }
    if (connection->fd >= 0 && connection->headed && !connection->unread)
        begin_answer(connection);
}

static void welcome(const struct script *port) {
    int fd = accept4(port->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    if (fd < 0) return;
    if (!unused_count) {
        close(fd);
        return;
    }
    struct connection *connection = unused[--unused_count];
    connection->fd = fd;
    connection->port = port;
    connection->blocked = false;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("a new connection");
}

/* The ports. ────────────────────────────────────────────────────────────────────────────────── */

static void watch_input(int fd, void *what) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static unsigned listen_at(struct script *port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    port->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (port->listener < 0 || bind(port->listener, (struct sockaddr *)&address, size) < 0 ||
        listen(port->listener, 256) < 0 ||
        getsockname(port->listener, (struct sockaddr *)&address, &size) < 0)
        fail("a port");
    watch_input(port->listener, port);
    return ntohs(address.sin_port);
}

static void serve(void) {
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(poller, events, 64, -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (int each = 0; each < count; each++) {
            void *what = events[each].data.ptr;
            if (what == &unused) { /* our input */
                char told[256];
                if (read(STDIN_FILENO, told, sizeof told) <= 0) return;
            } else if (what == &timer) {
                tick();
            } else if ((char *)what >= (char *)scripts &&
                       (char *)what < (char *)(scripts + MOST_SCRIPTS)) {
                welcome(what);
            } else {
                struct connection *connection = what;
                if (connection->fd >= 0 && events[each].events & ~(unsigned)EPOLLOUT)
                    receive(connection);
                if (connection->fd >= 0 && connection->answer && connection->blocked)
                    send_on(connection);
            }
        }
    }
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: upstream CPU FILE\n");
        return 2;
    }
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET((size_t)strtoul(arguments[1], NULL, 10), &cpus);
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (sched_setaffinity(0, sizeof cpus, &cpus) < 0 || poller < 0 || timer < 0) fail("start");
    load(arguments[2]);
    for (size_t each = MOST_CONNECTIONS; each-- > 0;) { /* the first is on top */
        connections[each].fd = -1;
        unused[unused_count++] = &connections[each];
    }
    watch_input(STDIN_FILENO, &unused);
    watch_input(timer, &timer);
    const char *before = "{";
    for (size_t each = 0; each < script_count; each++)
        if (scripts[each].is_port) {
            printf("%s\"%s\": %u", before, scripts[each].name, listen_at(&scripts[each]));
            before = ", ";
        }
    printf("}\n");
    fflush(stdout);
    serve();
    return 0;
}
