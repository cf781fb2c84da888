/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/soak.d/clock: preloaded into the daemon, its wall clock goes wrong by as many seconds
 * as the eight bytes in the file THYMUS_CLOCK say. The monotonic clock stays right.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *wrong;

/* Before anything is confined: afterwards the file could not be opened. */
__attribute__((constructor)) static void open_clock(void)
{
	const char *path = getenv("THYMUS_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *p =
		fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*wrong), PROT_READ, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		wrong = p;
	if (fd >= 0)
		close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ts);

	if (r == 0 && wrong && clock == CLOCK_REALTIME)
		ts->tv_sec += (time_t)*wrong;
	return r;
}
