/* SPDX-License-Identifier: Apache-2.0 */
/* base/fdio: bytes to a descriptor. */
#ifndef BASE_FDIO_H
#define BASE_FDIO_H
#include "base/macros.h"
#include <stddef.h>

/* All n bytes, however many calls they take. 0, or -errno: some may stand there already. */
MUST int fd_write(int fd, const void *p, size_t n);

#endif
