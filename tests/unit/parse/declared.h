/* SPDX-License-Identifier: Apache-2.0 */
/* A source that a test declares by itself. */
#ifndef TEST_DECLARED_H
#define TEST_DECLARED_H
#include "parse/source.h"
#include "tap.h"
#include <stdlib.h>
#include <unistd.h>

/* The source in decl, compiled, and the schema it fills. */
static void declare(const char *decl, struct schema **ret_s, struct sources **ret_src)
{
	char path[] = "/tmp/declaredXXXXXX.yaml";
	int fd = mkstemps(path, 5);
	struct diag d = {{0}};

	CHECK(fd >= 0 && write(fd, decl, strlen(decl)) == (ssize_t)strlen(decl));
	close(fd);
	CHECK_INT(schema_new(ret_s), 0);
	CHECK_INT(sources_load(path, *ret_s, ret_src, &d), 0);
	unlink(path);
	CHECK_INT(schema_freeze(*ret_s), 0);
	CHECK_INT(sources_compile(*ret_src, *ret_s), 0);
}

#endif
