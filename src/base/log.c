/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>

static enum log_level level_max = LOG_INFO;

void log_level_set(enum log_level max)
{
	level_max = max;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	char msg[2048];
	struct buf b;
	va_list ap;

	if (level > level_max)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	buf_init(&b, 16 * KIB);
	buf_safe(&b, str_of(msg));
	fprintf(stderr, "level=%s msg=\"%s\"\n", names[level], buf_str(&b).p);
	buf_free(&b);
}
