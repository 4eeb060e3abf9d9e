// A shared library that is opened when the first of its functions is called: to load what a command does not use
// would take as long as much of what it does.
#pragma once
#include <stdatomic.h>

typedef struct {
  // What the file is called; on some systems otherwise.
  const char *names[2];
  _Atomic(void *) handle;
} loader_library;

// Never returns NULL. Where the library or the function is missing the process ends, as it does at its start when
// the system's loader misses one.
void *loader_function(loader_library *library, const char *name);

// Defines a function of a library as its header declares it: one that passes its arguments on.
#define LOADER_FORWARD(library, result, name, parameters, arguments) \
  result name parameters { \
    static _Atomic(void *) known; \
    void *function = atomic_load_explicit(&known, memory_order_acquire); \
    if (!function) { \
      function = loader_function(library, #name); \
      atomic_store_explicit(&known, function, memory_order_release); \
    } \
    return ((__typeof__(&name))function) arguments; \
  }
