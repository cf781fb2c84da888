/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_packet_hostile [-n ROUNDS] CAPTURE...: each capture cut off at random places, and with
 * one bit in a hundred bytes turned over (headers of the file included), through the whole
 * sensor. Says how much was tried and the most memory; a crash or a hang is for the caller (and
 * the sanitizers) to see. The same for each run: the places follow from a fixed seed.
 */
#include "packet/capture.h"
#include "packet/sensor.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t seed = 1;

static uint64_t roll(void)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return seed >> 20;
}

static char *slurp(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	char *p = NULL;
	long n = -1;

	if (f && fseek(f, 0, SEEK_END) == 0 && (n = ftell(f)) > 0 && fseek(f, 0, SEEK_SET) == 0)
		p = malloc((size_t)n);
	if (p && fread(p, 1, (size_t)n, f) != (size_t)n) {
		free(p);
		p = NULL;
	}
	if (f)
		fclose(f);
	*ret_n = p ? (size_t)n : 0;
	return p;
}

/* Reads a file whose bytes lie at p; in memory of exactly that size, for the sanitizers. */
static uint64_t read_all(const char *p, size_t n, uint64_t *ret_frames)
{
	struct capture *cap = calloc(1, sizeof(*cap));
	struct sensor_stats st;
	struct sensor *s;
	struct frame f;
	uint64_t records = 0;
	size_t pos = 0;
	enum capture_result r;

	if (!cap || sensor_new(NULL, &s) < 0)
		abort();
	while ((r = capture_next(cap, str_n(p, n), &pos, &f)) != CAPTURE_MORE) {
		if (r != CAPTURE_FRAME)
			continue;
		while (!sensor_frames(s, &f, 1))
			sensor_out(s)->len = 0;
	}
	while (!sensor_finish(s))
		sensor_out(s)->len = 0;
	sensor_stats(s, &st);
	records = st.records;
	*ret_frames += st.frames;
	sensor_free(s);
	free(cap);
	return records;
}

int main(int argc, char **argv)
{
	unsigned rounds = 3, files = 0, runs = 0;
	uint64_t frames = 0, records = 0;
	struct rusage ru;
	int c;

	while ((c = getopt(argc, argv, "n:")) != -1) {
		if (c != 'n')
			return 2;
		rounds = (unsigned)strtoul(optarg, NULL, 10);
	}
	for (; optind < argc; optind++) {
		size_t n;
		char *p = slurp(argv[optind], &n);

		files += p != NULL;
		for (unsigned i = 0; p && i < rounds * 2; i++) {
			size_t len = i % 2 ? n : roll() % n + 1;
			char *copy = malloc(len);

			if (!copy)
				return 1;
			memcpy(copy, p, len);
			for (size_t k = 0; i % 2 && k < len / 100; k++) {
				size_t at = roll() % len;

				copy[at] = (char)(copy[at] ^ 1 << roll() % 8);
			}
			records += read_all(copy, len, &frames);
			runs++;
			free(copy);
		}
		free(p);
	}
	getrusage(RUSAGE_SELF, &ru);
	printf("%u captures, %u damaged copies, %llu frames, %llu records, %ld MiB at most\n",
	       files, runs, (unsigned long long)frames, (unsigned long long)records,
	       ru.ru_maxrss / 1024);
	return files ? 0 : 1;
}
