// Counts what the calling thread allocates, for tests that nothing is.
#pragma once

// Whether allocations can be counted on this system.
int counts_allocations(void);
// From now on this thread's calls of malloc and the like are counted.
void start_counting(void);
// How many there were until now from Swift or C; those of C++, which is what oneDNN and only that is
// written in here, are left out.
unsigned long stop_counting(void);
