#include "Internal.h"

#if defined(__linux__)
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

// The team of GNU OpenMP, which oneDNN uses too. A second pool of threads would fight with its
// waiting ones for the processors. These are stable entry points; omp.h belongs to another compiler.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern void omp_set_num_threads(int threads);
extern int omp_get_max_threads(void);
extern int omp_get_num_procs(void);
extern int omp_get_num_threads(void);
extern int omp_get_thread_num(void);

void ck_set_team(int threads) { omp_set_num_threads(threads > 0 ? threads : 1); }
int ck_team(void) { return omp_get_max_threads(); }
int ck_processors(void) { return omp_get_num_procs(); }

typedef struct {
  long count;
  ck_body body;
  const void *context;
} work;

static void run_share(void *data) {
  const work *w = data;
  long threads = omp_get_num_threads(), thread = omp_get_thread_num();
  long share = w->count / threads, rest = w->count % threads;
  long begin = thread * share + min_l(thread, rest);
  long end = begin + share + (thread < rest);
  if (begin < end) w->body(w->context, begin, end);
}

void ck_parallel(long count, long cost, ck_body body, const void *context) {
  int threads = omp_get_max_threads();
  if (count <= 0) return;
  if (threads <= 1 || count == 1 || cost < 16384) {
    body(context, 0, count);
    return;
  }
  work w = {count, body, context};
  GOMP_parallel(run_share, &w, 0, 0);
}

static void do_nothing(void *data) { (void)data; }

static void *park(void *data) {
  GOMP_parallel(do_nothing, NULL, (unsigned)omp_get_num_procs() + 1, 0);
  sem_post(data);
  for (;;) pause();
  return NULL;
}

static void start_parked_team(void) {
  // libgomp reads how long to spin from the environment before main, but spins only briefly once
  // it manages more threads than there are processors. A second team that sleeps for ever makes
  // that so.
  static sem_t ready;
  pthread_t thread;
  if (sem_init(&ready, 0, 0) != 0) return;
  if (pthread_create(&thread, NULL, park, &ready) != 0) return;
  pthread_detach(thread);
  sem_wait(&ready);
}

void ck_yield_while_waiting(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start_parked_team);
}

#else

void ck_set_team(int threads) { (void)threads; }
int ck_team(void) { return 1; }
int ck_processors(void) { return 1; }
void ck_yield_while_waiting(void) {}
void ck_parallel(long count, long cost, ck_body body, const void *context) {
  (void)cost;
  if (count > 0) body(context, 0, count);
}

#endif
