// SPDX-License-Identifier: Apache-2.0
// A section of its own, so that Scripts/stamp.sh replaces it with objcopy: nothing is compiled again for a new commit.
#include "CBuild.h"

struct stamp {
    char commit[64];
    char time[32];
};

// Volatile: the compiler must not fold what is replaced after linking. Scripts/stamp.sh knows the layout.
__attribute__((section("apus_build"), used)) static const volatile struct stamp stamp = {"unknown", "unknown"};

const char *apus_build_commit(void) { return (const char *)stamp.commit; }

const char *apus_build_time(void) { return (const char *)stamp.time; }
