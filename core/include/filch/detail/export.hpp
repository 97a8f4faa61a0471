#pragma once

/// Marks what the shared library `filch` shows to its users; everything else stays hidden.
#if defined(__GNUC__)
#define FILCH_API __attribute__((visibility("default")))
#define FILCH_COLD __attribute__((noinline, cold))
#else
#define FILCH_API
#define FILCH_COLD
#endif
