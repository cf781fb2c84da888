/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/source.h"
#include "declared.h"
#include "tap.h"

static const char decl[] =
	"source: t.trail\ncodec: [json]\nunwrap: [\"Records[]\", detail, \"AuditData!\"]\n"
	"types:\n  - name: event\n    class: api_activity\n    when: {has: [eventName]}\n"
	"    time: eventTime\n    id: eventID\n    fields:\n"
	"      api.operation: eventName\n      actor.user.name: [u.a, u.b]\n"
	"      src_endpoint.ip: {field: ip, take: ip}\n"
	"      status: {field: err, map: {\"\": success, \"*\": failure}}\n";

struct world {
	struct schema *s;
	struct sources *src;
	struct decoder *dec;
};

/* A decoder of the source above for a file that begins with head. */
static void world_open(struct world *w, const char *head)
{
	struct diag d = {{0}};

	*w = (struct world){0};
	declare(decl, &w->s, &w->src);
	CHECK_INT(decoder_open(w->src, "x.json", str_of(head), &w->dec, &d), 0);
}

static void world_close(struct world *w)
{
	decoder_free(w->dec);
	sources_free(w->src);
	schema_free(w->s);
}

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
	struct decoder *dec;
	const struct refusal *ref;
	struct world w;
	struct batch b;
	size_t pos = 0;

	world_open(&w, text);
	dec = w.dec;
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
	world_close(&w);
}

/* A list of names and values is read by name; the first of several paths that is there counts.
 */
TEST(named)
{
	static const struct {
		const char *u, *user;
	} cases[] = {
		{"[{\"Name\":\"b\",\"Value\":\"bob\"}]", "bob"},
		{"[{\"name\":\"x\",\"value\":\"1\"},{\"value\":\"al\",\"name\":\"A\"}]", "al"},
		{"[{\"key\":\"b\",\"value\":\"v\"},{\"key\":\"a\",\"value\":\"w\"}]", "w"},
		{"[{\"name\":\"b\",\"multiValue\":[\"m\"]}]", "m"},
		{"[[{\"name\":\"b\",\"value\":\"deep\"}]]", "deep"},
		{"[{\"name\":\"c\",\"value\":\"b\"}]", ""},
		{"[{\"name\":\"b\"}]", ""},
		{"[{\"value\":\"b\"}]", ""},
		{"[{\"name\":{\"b\":1},\"value\":\"b\"}]", ""},
		{"{\"name\":\"b\",\"value\":\"no list\"}", ""},
	};
	static char text[512];
	struct world w;
	struct batch b;

	world_open(&w, "{\"eventName\":\"A\",\"eventTime\":1777845601}\n");
	CHECK_INT(batch_init(&b, 4), 0);
	for (size_t i = 0; w.dec && i < ARRAY_LEN(cases); i++) {
		char tmp[40];

		memset(text, 0, sizeof(text));
		snprintf(text, sizeof(text),
			 "{\"eventName\":\"A\",\"eventTime\":1777845601,\"u\":%s}", cases[i].u);
		batch_reset(&b);
		CHECK_INT(decoder_decode(w.dec, str_of(text), &b), 1);
		if (b.n == 1) {
			const struct val *v = event_get(&b.events[0], ATTR_USER);
			bool list = v->kind == VAL_LIST && v->len;

			CHECK_STR(val_set(v) ? val_text(list ? &v->list[0] : v, tmp)
					     : str_of(""),
				  cases[i].user);
		}
	}
	batch_free(&b);
	world_close(&w);
}

/* Members that decide times, where the quick look may go astray. */
TEST(known)
{
	static const char *const recs[] = {
		"{\"eventName\":\"A\",\"eventTime\":1777845601}",
		"{\"x\":{\"eventTime\":5},\"eventTime\":1777845602,\"eventName\":\"B\"}",
		"{\"eventName\":\"\",\"s\":\"\\\"eventTime\\\":1\",\"eventTime\":"
		"\"1777845603\"}",
		"{\"eventTime\":1777845604,\"eventTime\":7,\"eventName\":[1,[{}],\"]\"]}",
		"{\"eventTime\" : 1777845605.25 , \"eventName\" : null , "
		"\"z\":[{\"eventTime\":1}]}",
		"{\"eventTime\":1777845606,\"eventName\":\"C\",\"detail\":{\"eventTime\":9,"
		"\"eventName\":\"D\"}}",
		"{\"Records\":[{\"eventTime\":1777845608,\"eventName\":\"E\"},"
		"{\"eventTime\":1777845607,\"eventName\":\"F\"}]}",
		"{\"eventTime\":\"2026-05-03T22:00:08\\u005a\",\"eventName\":\"G\"}",
		"{\"event\\u0054ime\":1,\"EVENTTIME\":1777845609,\"eventname\":\"H\"}",
	};
	struct world w;
	struct batch b;
	int found = 0;

	world_open(&w, recs[0]);
	CHECK_INT(batch_init(&b, 16), 0);
	for (size_t i = 0; w.dec && i < ARRAY_LEN(recs); i++) {
		static char text[512];
		struct str rec = str_n(text, strlen(recs[i]));
		int64_t known = 0, least = INT64_MAX;
		int n;

		memset(text, '"', sizeof(text));
		memcpy(text, recs[i], rec.len);
		batch_reset(&b);
		n = decoder_decode(w.dec, rec, &b);
		for (int k = 0; k < n; k++)
			least = MIN(least, b.events[k].known);
		CHECK(n > 0 && decoder_known(w.dec, rec, &known));
		CHECK_INT(known, least);
		found += known == least;
	}
	CHECK_INT(found, ARRAY_LEN(recs));
	batch_free(&b);
	world_close(&w);
}

/* What a record says does not depend on the records before it, however like or unlike. */
TEST(foreseen)
{
	static const struct {
		const char *rec, *op, *ip;
		int64_t known; /* s after 1777845600 */
	} cases[] = {
		{"{\"eventName\":\"A\",\"eventTime\":1777845601,\"ip\":\"1.1.1.1\"}", "A",
		 "1.1.1.1", 1},
		{"{\"eventTime\":1777845602,\"eventName\":\"B\",\"ip\":\"2.2.2.2\"}", "B",
		 "2.2.2.2", 2},
		/* a key that begins like the one foreseen, and one that is its beginning */
		{"{\"eventName2\":\"x\",\"eventNam\":\"y\",\"eventName\":\"C\",\"eventTime\":"
		 "1777845603}",
		 "C", "", 3},
		{"{\"eventName\":\"D\",\"eventTim\":7,\"eventTime\":1777845604,\"i\":\"\","
		 "\"ip\":\"4.4.4.4\"}",
		 "D", "4.4.4.4", 4},
		/* of the same name one level down, and longer than is kept */
		{"{\"eventName\":\"E\",\"u\":{\"eventTime\":9,\"ip\":\"x\"},\"eventTime\":"
		 "1777845605}",
		 "E", "", 5},
		{"{\"eventName\":\"F\",\"a_key_of_thirty_one_bytes_in_all\":1,"
		 "\"a_key_of_thirty_two_bytes_in_all_\":2,\"eventTime\":1777845606}",
		 "F", "", 6},
		{"{\"eventName\" : \"G\" , \"eventTime\" : 1777845607 , \"ip\" : \"7.7.7.7\"}",
		 "G", "7.7.7.7", 7},
		{"{\"eventName\\\\\":1,\"eventName\\\"\":2,\"EventName\":\"H\",\"eventTime\":"
		 "1777845608}",
		 "H", "", 8},
	};
	struct world w;
	struct batch b;
	unsigned at = 0;

	world_open(&w, cases[0].rec);
	CHECK_INT(batch_init(&b, 4), 0);
	for (unsigned i = 0; w.dec && i < 600; i++) {
		static char text[512];
		struct str rec = str_n(text, strlen(cases[at].rec));
		int64_t known = 0;

		memset(text, '"', sizeof(text));
		memcpy(text, cases[at].rec, rec.len);
		batch_reset(&b);
		CHECK_INT(decoder_decode(w.dec, rec, &b), 1);
		CHECK_STR(event_str(&b.events[0], ATTR_OPERATION), cases[at].op);
		CHECK_STR(event_str(&b.events[0], ATTR_SRC_IP), cases[at].ip);
		CHECK(decoder_known(w.dec, rec, &known));
		CHECK_INT(known / 1000000000 - 1777845600, cases[at].known);
		at = (at * 5 + i / 7 + 1) % ARRAY_LEN(cases);
	}
	batch_free(&b);
	world_close(&w);
}

/* More different keys than are kept. */
TEST(keys_without_end)
{
	static char text[256];
	struct world w;
	struct batch b;

	world_open(&w, "{\"eventName\":\"A\",\"eventTime\":1777845601}\n");
	CHECK_INT(batch_init(&b, 4), 0);
	for (unsigned i = 0; w.dec && i < 2000; i++) {
		int64_t known = 0;
		int n = snprintf(text, sizeof(text),
				 "{\"k%u\":1,\"eventName\":\"n%u\",\"j%u\":2,\"eventTime\":%u}",
				 i % 700, i, i % 300, 1777845600 + i);
		char want[16];

		memset(text + n, 0, sizeof(text) - (size_t)n);
		snprintf(want, sizeof(want), "n%u", i);
		batch_reset(&b);
		CHECK_INT(decoder_decode(w.dec, str_n(text, (size_t)n), &b), 1);
		CHECK_STR(event_str(&b.events[0], ATTR_OPERATION), want);
		CHECK(decoder_known(w.dec, str_n(text, (size_t)n), &known));
		CHECK_INT(known / 1000000000, 1777845600 + i);
	}
	batch_free(&b);
	world_close(&w);
}

TAP_MAIN
