#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "Internal.h"

// The threads that share these loops, and whole primitives of oneDNN, each of which one thread runs
// by itself.
//
// GNU OpenMP, which oneDNN brings along, lets threads wait by spinning for milliseconds, which is
// ruinous on a busy machine, or, told otherwise, puts them to sleep at once, which costs a small network
// more than a second thread gains. These spin for as long as the serial parts of a step take, and not at
// all while others need the processors: a thread that slept is let in at once, one that spun has
// used up its time.

static _Thread_local int team_size = 1;

enum {
  // All in nanoseconds.
  patience = 500000,
  // Who was away for so long between two looks was taken off the processor.
  long_absence = 200000,
  least_rest = 10000000,
  most_rest = 1000000000,
  // A call is told from the one before by the bits above those of its shares.
  share_bits = 16,
};

typedef struct {
  ck_body body;
  const void *context;
  long count;
  int shares;
} job;

static struct {
  pthread_mutex_t caller;  // held by the one thread that has the workers work for it
  pthread_mutex_t mutex;   // guards falling asleep and waking up, nothing else
  pthread_cond_t called, finished;
  job job;
  int workers;
  atomic_ulong call;     // which one it is, and for how many threads
  atomic_ulong running;  // workers that still have a share to finish
  atomic_int asleep;     // workers that have to be woken for a call
  atomic_bool caller_sleeps;
} team = {
    .caller = PTHREAD_MUTEX_INITIALIZER,
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .called = PTHREAD_COND_INITIALIZER,
    .finished = PTHREAD_COND_INITIALIZER,
};

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// When to try spinning again, and for how long not to: longer each time that it was too early.
static _Atomic int64_t rests_until, rest;

static void others_need_processors(int64_t time) {
  const int64_t until = atomic_load(&rests_until), last = atomic_load(&rest);
  if (time < until) return;
  const int64_t next = time - until < last ? 2 * last : least_rest;
  atomic_store(&rest, next < most_rest ? next : most_rest);
  atomic_store(&rests_until, time + (next < most_rest ? next : most_rest));
}

// Whether the word came to be equal to `value`, or different, as wanted, before patience ended.
static bool spin(atomic_ulong *word, unsigned long value, bool equal) {
  const int64_t start = now();
  const int64_t end = start + (start < atomic_load(&rests_until) ? 0 : patience);
  for (int64_t last = start;;) {
    for (int turn = 0; turn < 16; turn++) {
      if ((atomic_load(word) == value) == equal) return true;
      pause_briefly();
    }
    const int64_t time = now();
    if (time - last > long_absence) others_need_processors(time);
    if (time >= end) return false;
    last = time;
  }
}

static void run_share(const job *j, long share) {
  const long size = j->count / j->shares, rest = j->count % j->shares;
  const long begin = share * size + min_l(share, rest);
  const long end = begin + size + (share < rest);
  if (begin < end) j->body(j->context, begin, end);
}

static unsigned long next_call(unsigned long seen) {
  if (!spin(&team.call, seen, false)) {
    pthread_mutex_lock(&team.mutex);
    atomic_fetch_add(&team.asleep, 1);
    while (atomic_load(&team.call) == seen) pthread_cond_wait(&team.called, &team.mutex);
    atomic_fetch_sub(&team.asleep, 1);
    pthread_mutex_unlock(&team.mutex);
  }
  return atomic_load(&team.call);
}

typedef struct {
  long index;
  unsigned long seen;
} worker_start;

static void *work(void *argument) {
  const worker_start start = *(worker_start *)argument;
  free(argument);
  ck_set_library_team(1);
  for (unsigned long seen = start.seen;;) {
    seen = next_call(seen);
    // Who has no share must not touch the job, for the caller does not wait for him.
    if (start.index >= (long)(seen & ((1ul << share_bits) - 1))) continue;
    run_share(&team.job, start.index);
    if (atomic_fetch_sub(&team.running, 1) == 1 && atomic_load(&team.caller_sleeps)) {
      pthread_mutex_lock(&team.mutex);
      pthread_cond_signal(&team.finished);
      pthread_mutex_unlock(&team.mutex);
    }
  }
  return NULL;
}

static bool start_worker(void) {
  worker_start *start = malloc(sizeof *start);
  if (!start) return false;
  *start = (worker_start){team.workers + 1, atomic_load(&team.call)};
  pthread_t thread;
  // Signals are for the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int status = pthread_create(&thread, NULL, work, start);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (status != 0) {
    free(start);
    return false;
  }
  pthread_detach(thread);
  team.workers++;
  return true;
}

static void call_workers(int count) {
  const unsigned long before = atomic_load(&team.call) >> share_bits;
  atomic_store(&team.running, (unsigned long)count);
  atomic_store(&team.call, (before + 1) << share_bits | (unsigned long)(count + 1));
  if (atomic_load(&team.asleep) == 0) return;
  pthread_mutex_lock(&team.mutex);
  pthread_cond_broadcast(&team.called);
  pthread_mutex_unlock(&team.mutex);
}

// `own` is how long the caller's share took.
static void wait_for_workers(int64_t own) {
  const int64_t start = now();
  const bool is_resting = start < atomic_load(&rests_until);
  if (spin(&team.running, 0, true)) return;
  pthread_mutex_lock(&team.mutex);
  atomic_store(&team.caller_sleeps, true);
  while (atomic_load(&team.running) != 0) pthread_cond_wait(&team.finished, &team.mutex);
  atomic_store(&team.caller_sleeps, false);
  pthread_mutex_unlock(&team.mutex);
  // Shares are alike: a worker who is so late was not let in, perhaps by the caller who was spinning. One
  // who had to be woken is late as well, which must not make a rest out of the end of another.
  const int64_t end = now();
  if (!is_resting && end - start > own) others_need_processors(end);
}

void ck_parallel(long count, long cost, ck_body body, const void *context) {
  if (count <= 0) return;
  if (team_size <= 1 || count == 1 || cost < 16384) {
    body(context, 0, count);
    return;
  }
  const job j = {body, context, count, (int)min_l(count, team_size)};
  // What a share is does not depend on who does it, so neither do the results: without the workers,
  // who may be busy for another thread, the caller does all.
  int workers = 0;
  const bool has_team = pthread_mutex_trylock(&team.caller) == 0;
  if (has_team) {
    while (team.workers < j.shares - 1 && start_worker()) {}
    workers = (int)min_l(team.workers, j.shares - 1);
    team.job = j;
    if (workers > 0) call_workers(workers);
  }
  const int64_t start = now();
  run_share(&j, 0);
  for (long share = workers + 1; share < j.shares; share++) run_share(&j, share);
  if (workers > 0) wait_for_workers(now() - start);
  if (has_team) pthread_mutex_unlock(&team.caller);
}

void ck_set_team(int threads) {
  team_size = (int)min_l(threads > 0 ? threads : 1, (1l << share_bits) - 1);
  ck_set_library_team(1);
}

int ck_team(void) { return team_size; }

#if defined(__linux__)

// Stable entry points of GNU OpenMP; omp.h belongs to another compiler.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern void omp_set_num_threads(int threads);
extern int omp_get_max_threads(void);
extern int omp_get_num_procs(void);

static void do_nothing(void *data) { (void)data; }

static void *park(void *parked) {
  GOMP_parallel(do_nothing, NULL, (unsigned)omp_get_num_procs() + 1, 0);
  sem_post(parked);
  for (;;) pause();
  return NULL;
}

static void start_parked_team(void) {
  // libgomp reads how long to spin from the environment before main, but spins only briefly once
  // it manages more threads than there are processors. A second team that sleeps for ever makes
  // that so.
  static sem_t parked;
  pthread_t thread;
  if (sem_init(&parked, 0, 0) != 0) return;
  if (pthread_create(&thread, NULL, park, &parked) != 0) return;
  pthread_detach(thread);
  sem_wait(&parked);
}

void ck_set_library_team(int threads) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  if (threads > 1) pthread_once(&once, start_parked_team);
  omp_set_num_threads(threads > 0 ? threads : 1);
}

int ck_library_team(void) { return omp_get_max_threads(); }
int ck_processors(void) { return omp_get_num_procs(); }

#else

void ck_set_library_team(int threads) { (void)threads; }
int ck_library_team(void) { return 1; }
int ck_processors(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }

#endif
