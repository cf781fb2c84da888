/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation given in hex, as packets to the sensor; and what it makes of it. */
#ifndef TESTS_UNIT_PACKET_OT_TALK_H
#define TESTS_UNIT_PACKET_OT_TALK_H
#include "frames.h"
#include <stdlib.h>

struct said {
	bool resp;
	const char *hex;
};

static inline size_t unhex(const char *hex, uint8_t *out, size_t max)
{
	size_t n = 0;

	for (; hex[0] && hex[1] && n < max; hex += 2) {
		char two[3] = {hex[0], hex[1], 0};

		out[n++] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

/* 10.0.0.1:4000 (opens) and 10.0.0.2:port; a message every 10 ms from at_ms on. */
static inline void talk_at(struct sensor *s, int64_t at_ms, unsigned port, bool over_udp,
			   const struct said *m, size_t n)
{
	static uint32_t seq[2];

	if (!at_ms)
		seq[0] = seq[1] = 1000;
	for (size_t i = 0; i < n; i++) {
		uint8_t data[ROOM - 100];
		unsigned len = (unsigned)unhex(m[i].hex, data, sizeof(data));
		bool r = m[i].resp;
		struct wire w = {.n = 0};

		eth(&w, 0x0800);
		if (over_udp) {
			udp(&w, r ? 2 : 1, r ? 1 : 2, r ? port : 4000, r ? 4000 : port, data,
			    len);
		} else {
			ip4(&w, r ? 2 : 1, r ? 1 : 2, 6, len + 20, 0, 0);
			w16(&w, r ? port : 4000);
			w16(&w, r ? 4000 : port);
			w32(&w, seq[r]);
			w32(&w, seq[!r]);
			w16(&w, 0x5018);
			w16(&w, 1000);
			w32(&w, 0);
			wbytes(&w, data, len);
			seq[r] += len;
		}
		give(s, at_ms + (int64_t)i * 10, &w);
	}
}

/* The records of one conversation, which ends. */
static inline char *talk(unsigned port, bool over_udp, const struct said *m, size_t n)
{
	struct sensor *s = NULL;
	char *t;

	CHECK(sensor_new(NULL, &s) == 0);
	talk_at(s, 0, port, over_udp, m, n);
	t = records(s, true);
	sensor_free(s);
	return t;
}

#define TCP(port, ...)                                        \
	talk(port, false, (const struct said[]){__VA_ARGS__}, \
	     sizeof((const struct said[]){__VA_ARGS__}) / sizeof(struct said))
#define UDP(port, ...)                                       \
	talk(port, true, (const struct said[]){__VA_ARGS__}, \
	     sizeof((const struct said[]){__VA_ARGS__}) / sizeof(struct said))
#define HASNT(text, what) CHECK(!strstr((text), (what)))

#endif
