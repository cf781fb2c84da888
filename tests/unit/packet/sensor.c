/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"
#include "packet/capture.h"
#include "packet/crowd.h"
#include "packet/flow.h"

enum { S = 2, F = 1, R = 4, P = 8, A = 16 };

static struct sensor *fresh(const struct sensor_conf *conf)
{
	struct sensor *s = NULL;

	CHECK(sensor_new(conf, &s) == 0);
	return s;
}

/* A TCP packet of the connection 10.0.0.1:4000 -> 10.0.0.2:80, which begins at 100 and 500. */
static void seg(struct sensor *s, int64_t ms, bool resp, unsigned flags, uint32_t seq,
		uint32_t ack, const char *data)
{
	struct wire w = {.n = 0};

	eth(&w, 0x0800);
	tcp(&w, resp ? 2 : 1, resp ? 1 : 2, resp ? 80 : 4000, resp ? 4000 : 80, flags,
	    (resp ? 500U : 100U) + seq, (flags & A) ? (resp ? 100U : 500U) + ack : 0, data);
	give(s, ms, &w);
}

static void hello(struct sensor *s)
{
	seg(s, 0, false, S, 0, 0, "");
	seg(s, 1, true, S | A, 0, 1, "");
	seg(s, 2, false, A, 1, 1, "");
}

#define GET                                                                                  \
	"GET /a?b=1 HTTP/1.1\r\nHost: x.test\r\nUser-Agent: curl/8\r\nAuthorization: Basic " \
	"Ym9iOnNlY3JldA==\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n<html>1234"

TEST(http)
{
	struct sensor *s = fresh(NULL);
	uint32_t g = sizeof(GET) - 1, o = sizeof(OK) - 1;
	char *t;

	hello(s);
	seg(s, 3, false, P | A, 1, 1, GET);
	seg(s, 4, true, P | A, 1, 1 + g, OK);
	t = records(s, false);
	HAS(t, "\"_path\":\"http\",\"_write_ts\":1700000000.004000,\"ts\":1700000000.003000,");
	HAS(t, "\"method\":\"GET\",\"host\":\"x.test\",\"uri\":\"/a?b=1\"");
	HAS(t, "\"user_agent\":\"curl/8\"");
	HAS(t, "\"response_body_len\":10,\"status_code\":200,\"status_msg\":\"OK\"");
	HAS(t, "\"username\":\"bob\",\"basic_auth\":true");
	HAS(t, "\"resp_mime_types\":[\"text/html\"]");
	CHECK(!strstr(t, "secret"));
	seg(s, 5, false, F | A, 1 + g, 1 + o, "");
	seg(s, 6, true, F | A, 1 + o, 2 + g, "");
	seg(s, 7, false, A, 2 + g, 2 + o, "");
	seg(s, 20000, false, S, 9000, 0, ""); /* another connection, much later */
	t = records(s, false);
	HAS(t, "\"_path\":\"conn\",\"_write_ts\":1700000005.250000,\"ts\":1700000000.000000,");
	HAS(t, "\"proto\":\"tcp\",\"service\":\"http\",\"duration\":0.007000");
	HAS(t, "\"conn_state\":\"SF\"");
	HAS(t, "\"history\":\"ShADdFf\"");
	CHECK_INT(count(t, "\n"), 1);
	t = records(s, true);
	HAS(t, "\"conn_state\":\"S0\"");
	sensor_free(s);
}

/* Segments in any order, twice, overlapping: the same record. */
TEST(reassembly)
{
	static const unsigned order[4][4] = {
		{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}};
	uint32_t g = sizeof(GET) - 1, q = g / 4;

	for (unsigned i = 0; i < 4; i++) {
		struct sensor *s = fresh(NULL);
		char *t;

		hello(s);
		for (unsigned k = 0; k < 4; k++) {
			uint32_t from = order[i][k] * q;
			uint32_t to = order[i][k] == 3 ? g : MIN(from + q + 5, g);
			char part[256];

			snprintf(part, sizeof(part), "%.*s", (int)(to - from), &GET[from]);
			seg(s, 3, false, P | A, 1 + from, 1, part);
			seg(s, 3, false, P | A, 1 + from, 1, part);
		}
		seg(s, 4, true, P | A, 1, 1 + g, OK);
		t = records(s, true);
		CHECK_INT(count(t, "\"_path\":\"http\""), 1);
		HAS(t, "\"uri\":\"/a?b=1\"");
		HAS(t, "\"missed_bytes\":0");
		sensor_free(s);
	}
}

/* A hole that the receiver has acknowledged is lost for us; what comes behind is read. */
TEST(gap)
{
	struct sensor *s = fresh(NULL);
	uint32_t g = sizeof(GET) - 1;
	char *t;

	hello(s);
	seg(s, 3, false, P | A, 1, 1, GET);
	seg(s, 4, true, P | A, 1, 1 + g, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
	seg(s, 5, true, P | A, 1 + 40 + 60, 1 + g, "0123456789012345678901234567890123456789");
	seg(s, 6, false, A, 1 + g, 1 + 40 + 100, "");
	t = records(s, true);
	HAS(t, "\"response_body_len\":100,");
	HAS(t, "\"missed_bytes\":60");
	sensor_free(s);
}

static const uint8_t dns_query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3WWW\4test\0\0\1\0\1";
static const uint8_t dns_reply[] = "\x12\x34\x81\x80\0\1\0\2\0\0\0\0\3www\4test\0\0\1\0\1"
				   "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1a\xc0\x10"
				   "\xc0\x26\0\1\0\1\0\0\0\x1e\0\4\1\2\3\4";

static void dns(struct sensor *s, int64_t ms, bool resp, unsigned port)
{
	struct wire w = {.n = 0};

	eth(&w, 0x8100); /* in a VLAN */
	w16(&w, 7);
	w16(&w, 0x0800);
	if (resp)
		udp(&w, 2, 1, port, 4000, dns_reply, sizeof(dns_reply) - 1);
	else
		udp(&w, 1, 2, 4000, port, dns_query, sizeof(dns_query) - 1);
	give(s, ms, &w);
}

TEST(dns)
{
	for (unsigned i = 0; i < 2; i++) { /* its port, and another */
		struct sensor *s = fresh(NULL);
		char *t;

		dns(s, 0, false, i ? 5000 : 53);
		CHECK_INT(count(records(s, false), "\n"), 0);
		dns(s, 20, true, i ? 5000 : 53);
		t = records(s, true);
		HAS(t, "\"_path\":\"dns\",\"_write_ts\":1700000000.020000");
		HAS(t, "\"rtt\":0.020000,\"query\":\"www.test\"");
		HAS(t, "\"answers\":[\"a.test\",\"1.2.3.4\"],\"TTLs\":[60,30],");
		HAS(t, "\"rcode_name\":\"NOERROR\"");
		HAS(t, "\"service\":\"dns\"");
		HAS(t, "\"history\":\"Dd\"");
		sensor_free(s);
	}
}

TEST(unanswered)
{
	struct sensor *s = fresh(NULL);
	char *t;

	dns(s, 0, false, 53);
	dns(s, 900, false, 53); /* asked again */
	t = records(s, true);
	CHECK_INT(count(t, "\"_path\":\"dns\""), 1);
	HAS(t, "\"query\":\"www.test\"");
	CHECK(!strstr(t, "rcode"));
	HAS(t, "\"conn_state\":\"S0\"");
	sensor_free(s);
}

/* A datagram in three fragments, in any order; then with one missing. */
TEST(fragments)
{
	static const unsigned order[3][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}};
	struct wire whole = {.n = 0};

	udp(&whole, 1, 2, 4000, 53, dns_query, sizeof(dns_query) - 1);
	for (unsigned i = 0; i < 4; i++) {
		struct sensor *s = fresh(NULL);

		for (unsigned k = 0; k < (i < 3 ? 3 : 2); k++) {
			unsigned at = order[i % 3][k] * 16;
			unsigned n = MIN(16U, (unsigned)whole.n - 20 - at);
			struct wire w = {.n = 0};

			eth(&w, 0x0800);
			ip4(&w, 1, 2, 17, n, 77, at / 8 | (at == 32 ? 0 : 0x2000U));
			wbytes(&w, whole.p + 20 + at, n);
			give(s, 0, &w);
		}
		CHECK_INT(count(records(s, true), "\"query\":\"www.test\""), i < 3);
		sensor_free(s);
	}
}

/* A flood of new connections: the table stays within its bound, the loss is counted. */
TEST(flood)
{
	struct sensor_conf conf = {.flows_max = 100};
	struct sensor *s = fresh(&conf);
	struct sensor_stats st;
	char *t;

	for (unsigned i = 0; i < 1000; i++) {
		struct wire w = {.n = 0};

		eth(&w, 0x0800);
		tcp(&w, 1 + i, 2, 1000 + i, 80, S, i, 0, "");
		give(s, i / 100, &w);
	}
	t = records(s, true);
	sensor_stats(s, &st);
	CHECK_INT(st.flows, 1000);
	CHECK_INT(st.flows_most, 100);
	CHECK_INT(st.evicted, 900);
	CHECK_INT(st.crowded, 936);
	CHECK_INT(count(t, "\"_path\":\"conn\""), 64);
	CHECK_INT(count(t, "\"_path\":\"crowd\""), 1);
	HAS(t, "\"id.resp_h\":\"10.0.0.2\",\"id.resp_p\":80,\"proto\":\"tcp\",\"conn_state\":"
	       "\"S0\",\"connections\":936,");
	HAS(t, "\"orig_pkts\":936,");
	CHECK(!strstr(t, "crowd\",\"id.orig_h"));
	sensor_free(s);
}

static void probe(struct sensor *s, int64_t ms, unsigned from, unsigned to, unsigned port)
{
	struct wire w = {.n = 0};

	eth(&w, 0x0800);
	tcp(&w, from, to, 40000, port, S, 7, 0, "");
	give(s, ms, &w);
}

/* One who calls many at line rate; who speaks meanwhile is not ended for it. */
TEST(scan_at_line_rate)
{
	struct sensor_conf conf = {.flows_max = 100};
	struct sensor *s = fresh(&conf);
	char *t;

	hello(s);
	for (unsigned i = 0; i < 3000; i++)
		probe(s, 1000 + i / 100, 9, 20 + i, 23);
	t = records(s, true);
	HAS(t, "\"id.orig_h\":\"10.0.0.9\",\"id.resp_p\":23,\"proto\":\"tcp\",\"conn_state\":"
	       "\"S0\",\"connections\":2936,");
	CHECK_INT(count(t, "\"_path\":\"crowd\""), 1);
	CHECK_INT(count(t, "\"_path\":\"conn\""), 65);
	HAS(t, "\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":4000,");
	sensor_free(s);
}

/* Room for callers that are nobody's: where no group has many, too many at once are told
 * together. */
TEST(flood_of_everything)
{
	struct sensor_conf conf = {.flows_max = 100};
	struct sensor *s = fresh(&conf);
	char *t;

	for (unsigned i = 0; i < 5000; i++)
		probe(s, i / 100, 1 + i, 7000 + i, 1 + i);
	t = records(s, true);
	CHECK_INT(count(t, "\"_path\":\"conn\""), 1024 + 100);
	CHECK_INT(count(t, "\"_path\":\"crowd\""), CROWD_PLACES + 1);
	sensor_free(s);
}

/* Ports of one host, answered with resets, over ten minutes: the first of each five minutes are
 * told of. */
TEST(ports_refused)
{
	struct sensor *s = fresh(NULL), *each = fresh(&(struct sensor_conf){.each = true});
	char *t;

	for (unsigned i = 0; i < 600; i++) {
		struct wire w = {.n = 0};

		probe(s, i * 1000, 1, 2, 1 + i);
		probe(each, i * 1000, 1, 2, 1 + i);
		eth(&w, 0x0800);
		tcp(&w, 2, 1, 1 + i, 40000, R | A, 0, 8, "");
		give(s, i * 1000 + 1, &w);
		give(each, i * 1000 + 1, &w);
	}
	t = records(s, true);
	HAS(t, "\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"10.0.0.2\",\"proto\":\"tcp\",\"conn_"
	       "state\":"
	       "\"REJ\",\"connections\":");
	HAS(t, "\"resp_hosts\":1,\"resp_ports\":");
	CHECK_INT(count(t, "\"_path\":\"conn\""), 64 + 8 + 8);
	CHECK(count(t, "\"_path\":\"crowd\"") <= 10);
	CHECK_INT(count(records(each, true), "\"_path\":\"conn\""), 600);
	sensor_free(s);
	sensor_free(each);
}

/* The same service of one host again and again, and a few datagrams; what is said is never in a
 * crowd. */
TEST(called_in_vain)
{
	struct sensor *s = fresh(NULL);
	char *t;

	for (unsigned i = 0; i < 100; i++) {
		struct wire w = {.n = 0};

		eth(&w, 0x0800);
		tcp(&w, 1, 2, 1000 + i, 8443, S, i, 0, "");
		give(s, i * 10, &w);
	}
	for (unsigned i = 0; i < 100; i++)
		dns(s, 2000 + i, false, (uint16_t)(20000 + i));
	t = records(s, true);
	HAS(t, "\"id.resp_h\":\"10.0.0.2\",\"id.resp_p\":8443,\"proto\":\"tcp\",\"conn_state\":"
	       "\"S0\","
	       "\"connections\":36,");
	HAS(t, "\"resp_hosts\":1,\"resp_ports\":1,\"samples\":[8443],");
	CHECK_INT(count(t, "\"_path\":\"conn\""), 164);
	sensor_free(s);
}

/* A crowd is told of when it is time, though nothing else is there any more. */
TEST(crowd_in_silence)
{
	struct sensor *s = fresh(NULL);
	char *t;

	for (unsigned i = 0; i < 100; i++)
		probe(s, i, 1, 2, 1 + i);
	CHECK(sensor_tick(s, 1700000120 * NS_PER_S));
	t = records(s, false);
	CHECK_INT(count(t, "\"_path\":\"conn\""), 64);
	HAS(t, "\"_path\":\"crowd\",\"_write_ts\":1700000065.250000");
	records(s, true);
	sensor_free(s);
}

/* Questions that were answered: each has its dns record, many of one caller no conn each. */
TEST(lookups)
{
	struct sensor *s = fresh(NULL);
	char *t;

	for (unsigned i = 0; i < 100; i++) {
		dns(s, 2 * i, false, 20000 + i);
		dns(s, 2 * i + 1, true, 20000 + i);
	}
	t = records(s, true);
	CHECK_INT(count(t, "\"_path\":\"dns\""), 100);
	CHECK_INT(count(t, "\"_path\":\"conn\""), 64);
	HAS(t, "\"service\":\"dns\",\"conn_state\":\"SF\",\"connections\":36,");
	HAS(t, "\"orig_pkts\":36,");
	HAS(t, "\"resp_pkts\":36,");
	sensor_free(s);
}

/* Idle connections end at their own time, in order, however far the next packet jumps. */
TEST(idle)
{
	struct sensor *s = fresh(NULL);
	char *t;

	dns(s, 0, false, 53);
	hello(s);
	dns(s, 3600 * 1000, false, 5000);
	t = records(s, false);
	HAS(t, "\"_path\":\"conn\",\"_write_ts\":1700000060.250000");
	HAS(t, "\"_path\":\"conn\",\"_write_ts\":1700000300.250000");
	CHECK(strstr(t, "0060.2") < strstr(t, "0300.2"));
	records(s, true);
	sensor_free(s);
	/* A SYN that nobody answers is told of after five seconds, one that is answered is not.
	 */
	s = fresh(NULL);
	seg(s, 0, false, S, 0, 0, "");
	dns(s, 6000, false, 5000);
	t = records(s, false);
	HAS(t, "\"_path\":\"conn\",\"_write_ts\":1700000005.250000");
	HAS(t, "\"conn_state\":\"S0\"");
	hello(s);
	dns(s, 20000, false, 5000);
	CHECK(!strstr(records(s, false), "\"id.orig_p\":4000"));
	/* A clock far ahead is believed only when it stays there. */
	records(s, true);
	sensor_free(s);
	s = fresh(NULL);
	dns(s, 0, false, 53);
	dns(s, INT64_C(10) * 86400 * 1000, false, 54);
	CHECK_INT(count(records(s, false), "\n"), 0);
	for (unsigned i = 0; i < 4; i++)
		dns(s, INT64_C(10) * 86400 * 1000 + i, false, 55);
	CHECK(count(records(s, false), "\"_path\":\"conn\"") >= 1);
	sensor_free(s);
}

/* What is written does not depend on how many frames come at once. */
TEST(batches)
{
	static char one[1 << 20];
	static struct wire w[300];
	struct frame f[300];

	for (unsigned i = 0; i < 300; i++) {
		w[i].n = 0;
		eth(&w[i], 0x0800);
		tcp(&w[i], 1, 2, 1000 + i % 37, 80, i < 37 ? S : A | P, i < 37 ? 0 : 1 + i / 37,
		    1, i < 37 ? "" : "x");
		f[i] = (struct frame){.ts = NS_PER_S * 1000 + i * 90 * NS_PER_MS,
				      .p = w[i].p,
				      .len = (uint32_t)w[i].n,
				      .wire = (uint32_t)w[i].n,
				      .link = 1};
	}
	for (unsigned batch = 1; batch <= 32; batch += 31) {
		struct sensor *s = fresh(NULL);
		unsigned i = 0;

		while (i < 300)
			i += sensor_frames(s, f + i, MIN(batch, 300 - i));
		if (batch == 1)
			strcpy(one, records(s, true));
		else
			CHECK(strcmp(one, records(s, true)) == 0);
		sensor_free(s);
	}
	CHECK_INT(count(one, "\"_path\":\"conn\""), 37);
}

/* The table against a plain model, under insertions and deletions that collide. */
TEST(table)
{
	struct flows t;
	static bool there[4096];
	uint32_t x = 1, n = 0;

	CHECK(flows_init(&t, 4096) == 0);
	for (unsigned i = 0; i < 60000; i++) {
		struct pkt k = {.proto = 17};
		struct flow *f;
		enum dir d;
		unsigned id;

		x = x * 1664525 + 1013904223;
		id = x >> 20;
		k.src.b[15] = (uint8_t)id;
		k.sport = (uint16_t)(id >> 8);
		k.hash = (uint64_t)(id % 97) << 32 | id; /* few different ones */
		f = flows_find(&t, &k, &d);
		if ((f != NULL) != there[id])
			CHECK(false);
		if (f) {
			wheel_cut(&t, f);
			flows_del(&t, f);
			n--;
		} else {
			f = flows_add(&t, k.hash);
			CHECK(f != NULL);
			f->ip[0] = k.src;
			f->port[0] = k.sport;
			f->proto = 17;
			wheel_put(&t, f, i);
			n++;
		}
		there[id] = !there[id];
		CHECK(t.n == n);
	}
	/* The index's last bucket full: a guess does not look behind it (sanitizers). */
	for (unsigned i = 0; i < 8; i++)
		CHECK(flows_add(&t, UINT64_MAX - ((uint64_t)i << 32)) != NULL);
	CHECK(flows_guess(&t, UINT64_MAX - (UINT64_C(7) << 32)) != NULL);
	(void)flows_guess(&t, UINT64_MAX ^ (UINT64_C(1) << 62));
	flows_free(&t);
	CHECK(sizeof(struct flow) + 2 * sizeof(uint64_t) * 4 / 3 <= 300);
}

/* Ends of IPv6 that are made to look alike to the multipliers alone do not to the hash. */
TEST(table_attacked)
{
	struct flows t;
	uint32_t same = 0, first = 0;

	CHECK(flows_init(&t, 16) == 0);
	for (uint64_t port = 0; port < 5000; port++) {
		struct pkt k = {.proto = 17, .sport = (uint16_t)port, .dst.b = {0x20, 1}};
		uint64_t b = 0 - port * UINT64_C(0xc2b2ae3d27d4eb4f);
		uint32_t h;

		memcpy(k.src.b + 8, &b, 8);
		h = (uint32_t)(flows_hash(&t, &k) >> 32);
		first = port ? first : h;
		same += h == first;
	}
	CHECK(same < 3);
	flows_free(&t);
}

/* Appends a frame to a capture file of microseconds in this machine's order. */
static size_t put_frame(uint8_t *file, size_t at, unsigned ms, const struct wire *w)
{
	uint32_t head[4] = {1700000000, ms * 1000, (uint32_t)w->n, (uint32_t)w->n};

	memcpy(file + at, head, sizeof(head));
	memcpy(file + at + sizeof(head), w->p, w->n);
	return at + sizeof(head) + w->n;
}

static size_t make_capture(uint8_t *file)
{
	const uint32_t head[6] = {0xa1b2c3d4, 4 << 16 | 2, 0, 0, 65535, 1};
	size_t at = sizeof(head);
	unsigned ms = 0;

	memcpy(file, head, sizeof(head));
	for (unsigned i = 0; i < 6; i++) {
		struct wire w = {.n = 0};

		eth(&w, 0x0800);
		if (i < 2)
			udp(&w, i ? 2 : 1, i ? 1 : 2, i ? 53 : 4000, i ? 4000 : 53,
			    i ? dns_reply : dns_query,
			    i ? sizeof(dns_reply) - 1 : sizeof(dns_query) - 1);
		else
			tcp(&w, i % 2 ? 2 : 1, i % 2 ? 1 : 2, i % 2 ? 80 : 4000,
			    i % 2 ? 4000 : 80, i < 4 ? S | (i % 2 ? A : 0) : A | P,
			    i < 4 ? 0 : 1, i == 2 ? 0 : 1,
			    i < 4    ? ""
			    : i == 4 ? GET
				     : OK);
		at = put_frame(file, at, ms++, &w);
	}
	return at;
}

/* Everything a file gives; in memory of exactly its size, for the sanitizers. */
static char *read_capture(const uint8_t *p, size_t n)
{
	static char text[1 << 16];
	char *copy = malloc(n + 1);
	struct capture *cap = calloc(1, sizeof(*cap));
	struct sensor *s = fresh(NULL);
	struct frame f;
	size_t pos = 0, rounds = 0;
	enum capture_result r;
	char *t;

	memcpy(copy, p, n);
	while ((r = capture_next(cap, str_n(copy, n), &pos, &f)) != CAPTURE_MORE) {
		CHECK(pos <= n && rounds++ <= n);
		if (r == CAPTURE_FRAME)
			CHECK_INT(sensor_frames(s, &f, 1), 1);
	}
	t = records(s, true);
	snprintf(text, sizeof(text), "%.*s", (int)sizeof(text) - 1, t);
	sensor_free(s);
	free(cap);
	free(copy);
	return text;
}

/* Cut off anywhere, and with bits turned over: what is whole is read, nothing else happens. */
TEST(damage)
{
	static uint8_t file[8192], bad[8192];
	size_t n = make_capture(file);
	uint64_t x = 7;
	unsigned most = 0;

	HAS(read_capture(file, n), "\"_path\":\"http\"");
	for (size_t cut = 1; cut < n; cut++) {
		unsigned lines = count(read_capture(file, cut), "\n");

		CHECK(lines >= most || lines + 1 == most); /* a query may be answered later */
		most = MAX(most, lines);
	}
	CHECK_INT(most, 4);
	for (unsigned i = 0; i < 400; i++) {
		memcpy(bad, file, n);
		for (size_t k = 0; k < n / 100; k++) {
			x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
			bad[(x >> 33) % n] ^= (uint8_t)(1 << (x >> 20 & 7));
		}
		CHECK(strlen(read_capture(bad, n)) < 60000);
	}
	/* After a header that makes no sense the frames behind it are found again. */
	memcpy(bad, file, n);
	memset(bad + 24 + 8, 0xff, 4);
	HAS(read_capture(bad, n), "\"_path\":\"http\"");
}
TAP_MAIN
