/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_packet_scale [FLOWS]...: CPU time a packet of the connection table (no protocols) with
 * so many connections established, touched in random order, and bytes a connection. Default
 * 10k and 10M, and a flood of as many SYNs from made-up addresses, a million a second, against
 * the usual bound of the table.
 */
#include "packet/flow.h"
#include "packet/sensor.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define BATCH	SENSOR_BATCH
#define TOUCHES 10000000U

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* A TCP packet of connection no; to or from who was called. */
static void packet(uint8_t p[60], uint32_t no, bool resp, uint8_t flags)
{
	uint32_t a = 0x0a000000 | no >> 4, b = 0xc0a80001;

	memset(p, 0, 60);
	p[12] = 8;
	p[14] = 0x45;
	p[17] = 40;
	p[23] = 6;
	for (unsigned i = 0; i < 4; i++) {
		p[(resp ? 30 : 26) + i] = (uint8_t)(a >> 8 * (3 - i));
		p[(resp ? 26 : 30) + i] = (uint8_t)(b >> 8 * (3 - i));
	}
	p[resp ? 36 : 34] = (uint8_t)(0x80 | (no & 15));
	p[resp ? 37 : 35] = 1;
	p[resp ? 35 : 37] = 80;
	p[46] = 0x50;
	p[47] = flags;
	p[48] = 1;
}

/* Who sends what until a connection is established and both sides have been heard. */
static const struct {
	bool resp;
	uint8_t flags;
} opening[] = {{false, 2}, {true, 18}, {false, 16}, {true, 16}};

struct batch {
	uint8_t buf[BATCH][60];
	struct frame f[BATCH];
	unsigned n;
};

static void add(struct sensor *s, struct batch *b, uint32_t no, bool resp, uint8_t flags)
{
	unsigned took = 0;

	packet(b->buf[b->n], no, resp, flags);
	b->f[b->n] = (struct frame){
		.ts = NS_PER_S, .p = b->buf[b->n], .len = 54, .wire = 54, .link = 1};
	if (++b->n < BATCH)
		return;
	while (took < BATCH)
		took += sensor_frames(s, b->f + took, BATCH - took);
	b->n = 0;
}

static void open_all(struct sensor *s, struct batch *b, uint32_t flows)
{
	for (unsigned k = 0; k < ARRAY_LEN(opening); k++)
		for (uint32_t i = 0; i < flows; i++)
			add(s, b, i, opening[k].resp, opening[k].flags);
}

/* CPU ns a packet, and bytes of records, of a flood. */
static int flood(uint32_t packets)
{
	struct sensor_conf conf = {.meter = true};
	struct sensor_stats st;
	uint64_t written = 0;
	struct sensor *s;
	double from = cpu_s();

	if (sensor_new(&conf, &s) < 0)
		return 1;
	for (uint32_t i = 0; i < packets; i++) {
		uint8_t buf[60];
		struct frame f = {.ts = NS_PER_S + (int64_t)i * NS_PER_US,
				  .p = buf,
				  .len = 54,
				  .wire = 54,
				  .link = 1};

		packet(buf, i * 2654435761U >> 4, false, 2);
		while (!sensor_frames(s, &f, 1)) {
			written += sensor_out(s)->len;
			sensor_out(s)->len = 0;
		}
	}
	written += sensor_out(s)->len;
	from = cpu_s() - from;
	sensor_stats(s, &st);
	printf("flood of %u SYNs: %.0f ns each, %u connections at most, %llu told of together, "
	       "%llu bytes of records meanwhile\n",
	       packets, from / packets * 1e9, st.flows_most, (unsigned long long)st.crowded,
	       (unsigned long long)written);
	sensor_free(s);
	return 0;
}

static void touch(struct sensor *s, struct batch *b, uint32_t flows)
{
	uint64_t x = 1;

	for (uint32_t i = 0; i < TOUCHES; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		add(s, b, (uint32_t)((x >> 33) % flows), x >> 32 & 1, 16);
	}
}

/* The same work but for the sensor. */
static double making(uint32_t flows)
{
	uint8_t buf[60];
	uint64_t x = 1, sum = 0;
	double from = cpu_s();

	for (uint32_t i = 0; i < TOUCHES; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		packet(buf, (uint32_t)((x >> 33) % flows), x >> 32 & 1, 16);
		sum += buf[29];
	}
	return cpu_s() - from + (sum == 1);
}

static int one(uint32_t flows)
{
	struct sensor_conf conf = {.flows_max = flows + 1, .meter = true};
	struct sensor_stats st;
	struct rusage ru;
	struct sensor *s;
	struct batch batch = {.n = 0};
	double from;

	if (sensor_new(&conf, &s) < 0)
		return 1;
	open_all(s, &batch, flows);
	from = cpu_s();
	touch(s, &batch, flows);
	from = cpu_s() - from - making(flows);
	sensor_stats(s, &st);
	getrusage(RUSAGE_SELF, &ru);
	printf("%u connections: %.0f ns a packet, %zu bytes a connection and the index, %.0f "
	       "bytes in all (RSS)\n",
	       st.flows_now, from / TOUCHES * 1e9, sizeof(struct flow),
	       (double)ru.ru_maxrss * 1024 / flows);
	sensor_free(s);
	return 0;
}

int main(int argc, char **argv)
{
	int bad = 0;

	if (argc == 1)
		return one(10000) | one(10000000) | flood(20000000);
	for (int i = 1; i < argc; i++)
		bad |= one((uint32_t)strtoul(argv[i], NULL, 10));
	return bad;
}
