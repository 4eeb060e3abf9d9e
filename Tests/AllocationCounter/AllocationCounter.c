#include "AllocationCounter.h"

// Tells which C library this is.
#include <stdlib.h>

#if defined(__linux__) && defined(__GLIBC__)
#include <errno.h>

// Defined in the program itself, these take the place of the C library's for everything in the
// process; what they call is the same under its other name.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static __thread unsigned long allocations;

void *malloc(size_t size) {
  allocations++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  allocations++;
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  allocations++;
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
  void *memory = memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *result = memory;
  return 0;
}

int counts_allocations(void) { return 1; }
unsigned long allocations_of_this_thread(void) { return allocations; }

#else

int counts_allocations(void) { return 0; }
unsigned long allocations_of_this_thread(void) { return 0; }

#endif
