/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet/sensor: a whole capture file, from its first byte to the records. The first byte
 * chooses small bounds, so that what happens when they are reached is tried too.
 */
#include "fuzz.h"
#include "fuzz_records.h"
#include "packet/capture.h"
#include "packet/sensor.h"

/* In memory of its own length, so that each byte read behind it is seen. */
static void frame(struct sensor *s, struct frame f)
{
	uint8_t *p = malloc(f.len + !f.len);

	EXPECT(p);
	if (f.len)
		memcpy(p, f.p, f.len);
	f.p = p;
	while (!sensor_frames(s, &f, 1))
		check_records(sensor_out(s));
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sensor_conf conf = {.flows_max = 64};
	struct capture *cap;
	struct sensor *s;
	size_t pos = 0, rounds = 0;
	struct frame f;
	struct str buf;
	char *p;

	if (size < 2)
		return 0;
	if (data[0] & 1)
		conf.flows_max = 2;
	if (data[0] & 2)
		conf.app_bytes = 20000;
	p = fuzz_copy(data + 1, size - 1);
	buf = str_n(p, size - 1);
	(void)capture_sniff(buf);
	cap = calloc(1, sizeof(*cap));
	EXPECT(cap && sensor_new(&conf, &s) == 0);
	for (;;) {
		size_t before = pos;
		enum capture_result r = capture_next(cap, buf, &pos, &f);

		EXPECT(pos >= before && pos <= buf.len && rounds++ <= size + 4);
		if (r == CAPTURE_MORE)
			break;
		if (r == CAPTURE_FRAME)
			frame(s, f);
	}
	while (!sensor_finish(s))
		check_records(sensor_out(s));
	check_records(sensor_out(s));
	sensor_free(s);
	free(cap);
	free(p);
	return 0;
}
