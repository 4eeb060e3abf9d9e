// Counts what the calling thread allocates, for tests that nothing is.
#pragma once

// Whether allocations are counted on this system.
int counts_allocations(void);
// Calls of malloc and the like by this thread so far.
unsigned long allocations_of_this_thread(void);
