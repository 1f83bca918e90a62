/* A pool of threads that lives as long as the process; created at the first parallel loop. */
#define _GNU_SOURCE
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

enum { THREADS_MAX = 256 };

/* One loop at a time; its parts are handed out by number. */
static struct {
    pthread_mutex_t loop_mutex; /* held by the thread whose loop runs */
    pthread_mutex_t mutex;
    pthread_cond_t begin, end;
    size_t width, started;
    size_t count, part, parts, next, running;
    void (*body)(void *, size_t, size_t);
    void *data;
} pool = {.loop_mutex = PTHREAD_MUTEX_INITIALIZER,
          .mutex = PTHREAD_MUTEX_INITIALIZER,
          .begin = PTHREAD_COND_INITIALIZER,
          .end = PTHREAD_COND_INITIALIZER};
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local bool inside;

/* Works on parts until none is left. Called and returns with the mutex held. */
static void pool_work(void) {
    while (pool.next < pool.parts) {
        size_t begin = pool.next++ * pool.part;
        size_t end = begin + pool.part < pool.count ? begin + pool.part : pool.count;
        pool.running++;
        pthread_mutex_unlock(&pool.mutex);
        pool.body(pool.data, begin, end);
        pthread_mutex_lock(&pool.mutex);
        if (--pool.running == 0 && pool.next == pool.parts) pthread_cond_signal(&pool.end);
    }
}

static void *pool_thread(void *unused) {
    (void)unused;
    inside = true;
    pthread_mutex_lock(&pool.mutex);
    for (;;) {
        pool_work();
        pthread_cond_wait(&pool.begin, &pool.mutex);
    }
    return NULL;
}

static size_t cores(void) {
    const char *wanted = getenv("FOVEA_THREADS");
    long n = wanted ? strtol(wanted, NULL, 10) : 0;
    cpu_set_t set;
    if (n <= 0) n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (size_t)n;
}

static void pool_start(void) {
    pool.width = cores();
    for (size_t i = 1; i < pool.width; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, pool_thread, NULL)) break;
        pthread_detach(thread);
        pool.started++;
    }
    pool.width = pool.started + 1;
}

size_t parallel_width(void) {
    pthread_once(&once, pool_start);
    return pool.width;
}

void parallel_for(size_t count, size_t grain, void (*body)(void *, size_t, size_t), void *data) {
    size_t width = parallel_width();
    if (grain < 1) grain = 1;
    if (inside || width == 1 || count <= grain) {
        if (count) body(data, 0, count);
        return;
    }
    pthread_mutex_lock(&pool.loop_mutex);
    pthread_mutex_lock(&pool.mutex);
    size_t part = (count + width * 4 - 1) / (width * 4); /* some slack for uneven parts */
    pool.count = count;
    pool.part = part < grain ? grain : part;
    pool.parts = (count + pool.part - 1) / pool.part;
    pool.next = 0;
    pool.body = body;
    pool.data = data;
    pthread_cond_broadcast(&pool.begin);
    inside = true;
    pool_work();
    inside = false;
    while (pool.running) pthread_cond_wait(&pool.end, &pool.mutex);
    pthread_mutex_unlock(&pool.mutex);
    pthread_mutex_unlock(&pool.loop_mutex);
}
