/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_text(int err)
{
	switch (err) {
	case E_FORMAT:
		return "not of the expected format";
	case E_LIMIT:
		return "a limit would be exceeded";
	case E_SYNTAX:
		return "syntax error";
	case E_TRUNC:
		return "input ends too early";
	case E_CHECKSUM:
		return "checksum does not match";
	case E_NOTFOUND:
		return "not found";
	case E_VERSION:
		return "written by another version";
	default:
		return strerror(err < 0 ? -err : err);
	}
}

int diag_set(struct diag *d, int err, const char *fmt, ...)
{
	va_list ap;

	if (!d)
		return err;
	va_start(ap, fmt);
	vsnprintf(d->msg, sizeof(d->msg), fmt, ap);
	va_end(ap);
	return err;
}
