/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/source.h"
#include "tap.h"
#include <unistd.h>

static const char decl[] =
	"source: t.trail\ncodec: [json]\nunwrap: [\"Records[]\", detail, \"AuditData!\"]\n"
	"types:\n  - name: event\n    class: api_activity\n    when: {has: [eventName]}\n"
	"    time: eventTime\n    id: eventID\n    fields:\n"
	"      api.operation: eventName\n      actor.user.name: [u.a, u.b]\n"
	"      src_endpoint.ip: {field: ip, take: ip}\n"
	"      status: {field: err, map: {\"\": success, \"*\": failure}}\n";

TEST(json)
{
	static char text[4096] =
		"{\"Records\":[{\"eventName\":\"A}\",\"eventTime\":\"2026-05-03T00:00:00Z\","
		"\"eventID\":\"1\",\"u\":{\"b\":\"bob\"},\"ip\":\"1.2.3.4:5\"},"
		"{\"eventName\":\"B\",\"eventTime\":1777845600.5,\"err\":\"x\"}]}\nnoise\n"
		"{\"AuditData\":\"{\\\"eventName\\\":\\\"C\\\",\\\"eventTime\\\":1777845600}\"}"
		"\n"
		"{\"other\":1}\n";
	struct str buf = str_of(text), rec;
	char path[] = "/tmp/sourceXXXXXX.yaml";
	int fd = mkstemps(path, 5);
	struct schema *s = NULL;
	struct sources *src = NULL;
	struct decoder *dec = NULL;
	const struct refusal *ref;
	struct diag d = {{0}};
	struct batch b;
	size_t pos = 0;

	CHECK(fd >= 0 && write(fd, decl, sizeof(decl) - 1) == (ssize_t)sizeof(decl) - 1);
	close(fd);
	CHECK_INT(schema_new(&s), 0);
	CHECK_INT(sources_load(path, s, &src, &d), 0);
	unlink(path);
	CHECK_INT(schema_freeze(s), 0);
	CHECK_INT(sources_compile(src, s), 0);
	CHECK_INT(decoder_open(src, "x.json", buf, &dec, &d), 0);
	CHECK_INT(batch_init(&b, 16), 0);
	for (enum frame_result r = FRAME_SKIP; dec && r != FRAME_END;) {
		r = decoder_frame(dec, buf, &pos, true, &rec);
		if (r == FRAME_RECORD)
			CHECK(decoder_decode(dec, rec, &b) >= 0);
	}
	CHECK_INT(b.n, 3);
	if (b.n == 3) {
		CHECK_STR(event_str(&b.events[0], ATTR_OPERATION), "A}");
		CHECK_STR(event_str(&b.events[0], ATTR_USER), "bob");
		CHECK_STR(event_str(&b.events[0], ATTR_SRC_IP), "1.2.3.4");
		CHECK_STR(event_str(&b.events[0], ATTR_STATUS), "success");
		CHECK_STR(b.events[0].id, "1");
		CHECK_STR(event_str(&b.events[1], ATTR_STATUS), "failure");
		CHECK_INT(b.events[1].time, INT64_C(1777845600500000000));
		CHECK_INT(b.events[1].id.len, 17);
		CHECK_STR(event_str(&b.events[2], ATTR_OPERATION), "C");
	}
	CHECK_INT(dec ? decoder_refusals(dec, &ref) : 0, 2);
	batch_free(&b);
	decoder_free(dec);
	sources_free(src);
	schema_free(s);
}

TAP_MAIN
