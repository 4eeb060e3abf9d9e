// The HDF5 headers, and one inline function for each macro that Swift cannot import.
#pragma once
#define H5_USE_110_API
#include <hdf5.h>
