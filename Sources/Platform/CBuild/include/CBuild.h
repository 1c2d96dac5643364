// SPDX-License-Identifier: Apache-2.0
// Which commit these programs were built from, and when; `make build` writes it into the finished files.
#ifndef APUS_CBUILD_H
#define APUS_CBUILD_H

/// Abbreviated commit, with `-dirty` behind it when the tree had changes; `unknown` after a plain `swift build`.
const char *_Nonnull apus_build_commit(void);

/// RFC 3339 in UTC, or `unknown`.
const char *_Nonnull apus_build_time(void);

#endif
