/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/proto: one target per line of src/packet/registry.def, built with -DPROTO=proto_NAME.
 * The input is a conversation: three bytes (direction and flags, length) before each message;
 * the first of all says how much memory there is.
 * It goes through the sensor on the protocol's own port, in messages cut anywhere.
 */
#include "fuzz.h"
#include "fuzz_records.h"
#include "packet/proto.h"
#include "packet/sensor.h"

extern const struct proto_ops PROTO;
static const struct proto_ops *const ops = &PROTO;

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* An Ethernet frame around a message of the conversation, in malloc'ed memory. */
static uint8_t *frame_of(const uint8_t *msg, uint32_t n, bool resp, uint8_t transport,
			 const uint32_t seq[2], size_t *ret_len)
{
	size_t head = transport == PROTO_ETHER ? 14 : transport == PROTO_TCP ? 54 : 42;
	uint16_t from = resp ? ops->ports[0] : 40000, to = resp ? 40000 : ops->ports[0];
	uint8_t *p = malloc(head + n); /* not a byte more, so that each too many is seen */

	EXPECT(p);
	memset(p, 0, head);
	*ret_len = head + n;
	if (n)
		memcpy(p + head, msg, n);
	put16(p + 12, transport == PROTO_ETHER ? ops->ethertype : 0x0800);
	if (transport == PROTO_ETHER)
		return p;
	p[14] = 0x45;
	put16(p + 16, (uint16_t)(*ret_len - 14));
	p[22] = 64;
	p[23] = transport == PROTO_TCP ? 6 : 17;
	p[26] = p[30] = 10;
	p[29] = resp ? 2 : 1;
	p[33] = resp ? 1 : 2;
	put16(p + 34, from);
	put16(p + 36, to);
	if (transport == PROTO_UDP) {
		put16(p + 38, (uint16_t)(n + 8));
		return p;
	}
	put16(p + 38, (uint16_t)(seq[resp] >> 16));
	put16(p + 40, (uint16_t)seq[resp]);
	put16(p + 42, (uint16_t)(seq[!resp] >> 16));
	put16(p + 44, (uint16_t)seq[!resp]);
	p[46] = 0x50;
	p[47] = 0x18;
	p[48] = 1;
	return p;
}

static void converse(const uint8_t *data, size_t size, uint8_t transport)
{
	uint32_t seq[2] = {1, 1};
	struct sensor_conf conf = {0};
	struct sensor *s;
	int64_t ts = NS_PER_S;

	if (size && data[0] & 4) /* memory ends somewhere on the way */
		conf.app_bytes = (size_t)(data[0] >> 3) * 2048 + 1024;
	EXPECT(sensor_new(&conf, &s) == 0);
	while (size >= 3) {
		uint32_t n = MIN((uint32_t)be16(data + 1), (uint32_t)size - 3);
		bool resp = data[0] & 1;
		struct frame f = {.ts = ts, .link = 1};
		size_t len;
		uint8_t *p;

		n = MIN(n, 60000U);
		if (data[0] & 2) /* some bytes are lost */
			seq[resp] += data[0];
		p = frame_of(data + 3, n, resp, transport, seq, &len);
		f.p = p;
		f.len = f.wire = (uint32_t)len;
		while (!sensor_frames(s, &f, 1))
			check_records(sensor_out(s));
		free(p);
		seq[resp] += n;
		ts += NS_PER_MS;
		data += 3 + n;
		size -= 3 + n;
	}
	while (!sensor_finish(s))
		check_records(sensor_out(s));
	check_records(sensor_out(s));
	sensor_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t all[] = {PROTO_TCP, PROTO_UDP, PROTO_ETHER};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (ops->transports & all[i])
			converse(data, size, all[i]);
	return 0;
}
