// The oneDNN C headers, and one inline function for each macro that Swift cannot import.
#pragma once
#include <oneapi/dnnl/dnnl.h>
