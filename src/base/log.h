/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log: logfmt lines on stderr: level=warn msg="..." key=value. Only src/main calls this;
 * library code returns errors and counts. Bytes from outside are escaped.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_level_set(enum log_level max);
/* fmt is a fixed message; values go in as text the caller formatted. */
void log_line(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#endif
