#include "Loader.h"
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

void *loader_function(loader_library *library, const char *name) {
  void *handle = atomic_load_explicit(&library->handle, memory_order_acquire);
  if (!handle) {
    // Two threads may both open it, which is opening it once.
    for (int index = 0; !handle && index < 2 && library->names[index]; index++)
      handle = dlopen(library->names[index], RTLD_LAZY | RTLD_LOCAL);
    atomic_store_explicit(&library->handle, handle, memory_order_release);
  }
  void *function = handle ? dlsym(handle, name) : NULL;
  if (function) return function;
  const char *reason = dlerror();
  fprintf(stderr, "error while loading shared libraries: %s\n", reason ? reason : name);
  _exit(127);
}
