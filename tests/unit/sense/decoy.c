/* SPDX-License-Identifier: Apache-2.0 */
#include "sense/decoy.h"
#include "sense/socket.h"
#include "tap.h"
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

/* What a service says to bytes, and what it noted of them. */
static void talk(unsigned port, const char *bytes, const char *want, const char *user,
		 const char *text, bool password)
{
	struct decoy_talk t = {.service = decoy_service((struct str){NULL, 0}, port)};
	char whole[4096], parts[4096];
	size_t n = decoy_hear(&t, str_of(bytes), whole, sizeof(whole)), k = 0;

	CHECK_STR(str_n(whole, n), want);
	CHECK_STR(str_n(t.user, t.nuser), user);
	CHECK_STR(str_n(t.text, t.ntext), text);
	CHECK_INT(t.password, password);
	if (decoy_greeting(&t).len && port == 22)
		return; /* it counts what comes, not lines */
	/* The same, a byte at a time. */
	t = (struct decoy_talk){.service = t.service};
	for (size_t i = 0; bytes[i] && !t.over; i++)
		k += decoy_hear(&t, str_n(bytes + i, 1), parts + k, sizeof(parts) - k);
	CHECK_STR(str_n(parts, k), want);
	CHECK_INT(t.password, password);
}

TEST(nothing_is_let_in_and_no_password_is_kept)
{
	talk(21, "USER anna\r\nPASS secret\r\nLIST\r\n",
	     "331 Password required\r\n530 Login incorrect\r\n530 Please login with USER and "
	     "PASS\r\n",
	     "anna", "", true);
	talk(23, "root\r\nsecret\r\n", "Password: \r\nLogin incorrect\r\nlogin: ", "root", "",
	     true);
	talk(25, "EHLO me\r\nAUTH PLAIN AGFubmEAc2VjcmV0\r\nc2VjcmV0\r\nQUIT\r\n",
	     "250-mail\r\n250 AUTH LOGIN PLAIN\r\n535 5.7.8 Authentication failed\r\n530 5.7.0 "
	     "Authentication required\r\n221 2.0.0 Bye\r\n",
	     "", "EHLO meQUIT", true);
	talk(6379, "AUTH secret\r\nKEYS *\r\n",
	     "-WRONGPASS invalid username-password pair or user is disabled.\r\n-NOAUTH "
	     "Authentication required.\r\n",
	     "", "", true);
	talk(80,
	     "GET /a?password=secret HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YTpi\r\n\r\n",
	     "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic "
	     "realm=\"Administration\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
	     "", "GET /a", true);
	talk(22, "SSH-2.0-libssh_0.9\r\n", "", "", "SSH-2.0-libssh_0.9..", false);
	talk(9999, "\x01\x02 abc", "", "", ".. abc", false);
}

TEST(a_visit_is_bounded)
{
	struct decoy_talk t = {.service = decoy_service(STR("ftp"), 0)};
	char answer[4096], much[3000];
	size_t n = 0;

	memset(much, 'x', sizeof(much));
	CHECK_INT(decoy_hear(&t, str_n(much, sizeof(much)), answer, sizeof(answer)), 0);
	CHECK(!t.over);
	for (int i = 0; i < 100 && !t.over; i++)
		n += decoy_hear(&t, STR("NOOP\r\n"), answer, sizeof(answer)) > 0;
	CHECK_INT(n, DECOY_TURNS_MAX);
	CHECK(t.over);
	CHECK_STR(decoy_service_name(decoy_service(STR("no such"), 22)), "port");
	CHECK_STR(decoy_service_name(decoy_service(STR("SSH"), 1)), "ssh");
}

struct heard {
	pthread_mutex_t lock;
	char text[16384];
	size_t n;
};

static int on_record(struct str record, void *arg)
{
	struct heard *h = arg;

	pthread_mutex_lock(&h->lock);
	if (record.len + 1 < sizeof(h->text) - h->n) {
		memcpy(h->text + h->n, record.p, record.len);
		h->n += record.len;
		h->text[h->n++] = '\n';
	}
	pthread_mutex_unlock(&h->lock);
	return 0;
}

static int64_t noon(void)
{
	return 20000 * NS_PER_D + 12 * NS_PER_H;
}

static int visit(unsigned port)
{
	struct sockaddr_storage to;
	socklen_t len;
	char where[40];
	int fd;

	snprintf(where, sizeof(where), "127.0.0.1:%u", port);
	CHECK_INT(socket_address(where, &to, &len), 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	CHECK_INT(connect(fd, (struct sockaddr *)&to, len), 0);
	return fd;
}

/* Reads until so many bytes are there, or five seconds are over. */
static size_t hear(int fd, char *buf, size_t want)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t n = 0;

	while (n < want && poll(&p, 1, 5000) > 0) {
		ssize_t r = read(fd, buf + n, want - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	return n;
}

TEST(visitors_are_told_of)
{
	static const char *const where[] = {"127.0.0.1:0/ftp", "127.0.0.1:0"};
	static struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct decoy_conf conf = {
		.where = where, .n = 2, .now = noon, .tell = on_record, .arg = &h};
	struct decoy *d = NULL;
	struct decoy_stats s;
	struct diag diag = {{0}};
	char buf[200], port[40];
	int fd[2 * DECOY_SOURCE_MAX];

	CHECK_INT(decoy_start(&conf, &d, &diag), 0);
	if (!d)
		return;
	fd[0] = visit(decoy_port(d, 0));
	CHECK_INT(hear(fd[0], buf, 22), 22);
	CHECK(memcmp(buf, "220 FTP server ready\r\n", 22) == 0);
	CHECK_INT(write(fd[0], "USER bob\r\nPASS hunter2\r\nQUIT\r\n", 30), 30);
	CHECK(hear(fd[0], buf, 200) > 40); /* to the end */
	close(fd[0]);
	/* One address has few places. */
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		fd[i] = visit(decoy_port(d, 1));
	for (size_t i = DECOY_SOURCE_MAX; i < ARRAY_LEN(fd); i++)
		CHECK_INT(hear(fd[i], buf, 1), 0);
	snprintf(port, sizeof(port), "\"dst_port\":%u", decoy_port(d, 0));
	decoy_stats(d, &s);
	d = decoy_stop(d);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		close(fd[i]);
	CHECK_INT(s.visits, 1 + ARRAY_LEN(fd));
	CHECK_INT(s.turned_away, DECOY_SOURCE_MAX);
	CHECK_INT(s.lost, 0);
	h.text[h.n] = 0;
	CHECK(strstr(h.text, "\"event\":\"connect\"") != NULL);
	CHECK(strstr(h.text, "\"event\":\"tried\"") != NULL);
	CHECK(strstr(h.text, "\"user\":\"bob\"") != NULL);
	CHECK(strstr(h.text, "\"password\":true") != NULL);
	CHECK(strstr(h.text, "\"time\":\"2024-10-04T12:00:00") != NULL);
	CHECK(strstr(h.text, port) != NULL);
	CHECK(strstr(h.text, "hunter2") == NULL);
}

TEST(places_that_are_none)
{
	static const char *const bad[] = {"127.0.0.1", "127.0.0.1:22/nosuch", "example.org:22"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct decoy_conf conf = {
			.where = &bad[i], .n = 1, .now = noon, .tell = on_record};
		struct decoy *d = NULL;
		struct diag diag = {{0}};

		CHECK(decoy_start(&conf, &d, &diag) < 0);
		CHECK(diag.msg[0] && !d);
	}
}

TAP_MAIN
