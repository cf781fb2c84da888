/* SPDX-License-Identifier: Apache-2.0 */
/* Frames made for tests, and the records a sensor makes of them. */
#ifndef TESTS_UNIT_PACKET_FRAMES_H
#define TESTS_UNIT_PACKET_FRAMES_H
#include "packet/sensor.h"
#include "tap.h"

#define ROOM 2048

struct wire {
	uint8_t p[ROOM];
	size_t n;
};

static inline void w8(struct wire *w, unsigned v)
{
	w->p[w->n++] = (uint8_t)v;
}

static inline void w16(struct wire *w, unsigned v)
{
	w8(w, v >> 8 & 255);
	w8(w, v & 255);
}

static inline void w32(struct wire *w, uint32_t v)
{
	w16(w, v >> 16);
	w16(w, v & 0xffff);
}

static inline void wbytes(struct wire *w, const void *p, size_t n)
{
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static inline void eth(struct wire *w, unsigned type)
{
	wbytes(w, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
	w16(w, type);
}

/* An IPv4 header between 10.0.0.a and 10.0.0.b for n bytes that follow. */
static inline void ip4(struct wire *w, unsigned a, unsigned b, unsigned proto, unsigned n,
		       unsigned id, unsigned frag)
{
	w16(w, 0x4500);
	w16(w, n + 20);
	w16(w, id);
	w16(w, frag);
	w8(w, 64);
	w8(w, proto);
	w16(w, 0);
	w32(w, 0x0a000000 + a);
	w32(w, 0x0a000000 + b);
}

static inline void udp(struct wire *w, unsigned a, unsigned b, unsigned sport, unsigned dport,
		       const void *data, unsigned n)
{
	ip4(w, a, b, 17, n + 8, 0, 0);
	w16(w, sport);
	w16(w, dport);
	w16(w, n + 8);
	w16(w, 0);
	wbytes(w, data, n);
}

static inline void tcp(struct wire *w, unsigned a, unsigned b, unsigned sport, unsigned dport,
		       unsigned flags, uint32_t seq, uint32_t ack, const char *data)
{
	unsigned n = (unsigned)strlen(data);

	ip4(w, a, b, 6, n + 20, 0, 0);
	w16(w, sport);
	w16(w, dport);
	w32(w, seq);
	w32(w, ack);
	w16(w, 0x5000 | flags);
	w16(w, 1000);
	w32(w, 0);
	wbytes(w, data, n);
}

/* Gives one frame to the sensor at ms after a fixed moment. */
static inline void give(struct sensor *s, int64_t ms, const struct wire *w)
{
	uint8_t *copy = malloc(w->n); /* so that a sanitizer sees reads beyond */
	struct frame f = {.ts = 1700000000 * NS_PER_S + ms * NS_PER_MS,
			  .p = copy,
			  .len = (uint32_t)w->n,
			  .wire = (uint32_t)w->n,
			  .link = 1};

	memcpy(copy, w->p, w->n);
	CHECK_INT(sensor_frames(s, &f, 1), 1);
	free(copy);
}

/* Text of the records so far, NUL-terminated; ends all connections when `end`. */
static inline char *records(struct sensor *s, bool end)
{
	static char text[1 << 20];
	struct rec *out = sensor_out(s);

	if (end)
		CHECK(sensor_finish(s));
	CHECK(out->len < sizeof(text));
	memcpy(text, out->p ? out->p : "", MIN(out->len, sizeof(text) - 1));
	text[MIN(out->len, sizeof(text) - 1)] = 0;
	out->len = 0;
	return text;
}

static inline unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

#define HAS(text, what)                                                                       \
	do {                                                                                  \
		if (!strstr((text), (what))) {                                                \
			printf("# %s:%d: no %s in %s\n", __FILE__, __LINE__, (what), (text)); \
			tap_bad++;                                                            \
		}                                                                             \
	} while (0)

#endif
