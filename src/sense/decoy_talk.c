/* SPDX-License-Identifier: Apache-2.0 */
/* What a decoy says. Every answer is one of the constant texts below. */
#include "sense/decoy.h"

enum manner { MANNER_MUTE, MANNER_BANNER, MANNER_LINES, MANNER_HTTP };

/* A line that begins so is answered so; hides: what follows may be a password. */
struct reply {
	const char *begin, *say;
	enum { TELLS, NAMES, HIDES, ENDS } what;
};

#define REPLIES 8

struct decoy_service {
	const char *name, *greeting, *otherwise;
	unsigned ports[4];
	enum manner manner;
	struct reply reply[REPLIES];
};

static const struct decoy_service services[] = {
	{.name = "ssh",
	 .greeting = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
	 .ports = {22, 2222},
	 .manner = MANNER_BANNER},
	{.name = "ftp",
	 .greeting = "220 FTP server ready\r\n",
	 .otherwise = "530 Please login with USER and PASS\r\n",
	 .ports = {21},
	 .manner = MANNER_LINES,
	 .reply = {{"USER ", "331 Password required\r\n", NAMES},
		   {"PASS ", "530 Login incorrect\r\n", HIDES},
		   {"QUIT", "221 Goodbye\r\n", ENDS}}},
	{.name = "telnet",
	 .greeting = "login: ",
	 .otherwise = "\r\nLogin incorrect\r\nlogin: ",
	 .ports = {23, 2323},
	 .manner = MANNER_LINES},
	{.name = "smtp",
	 .greeting = "220 mail ESMTP\r\n",
	 .otherwise = "530 5.7.0 Authentication required\r\n",
	 .ports = {25, 587},
	 .manner = MANNER_LINES,
	 .reply = {{"EHLO", "250-mail\r\n250 AUTH LOGIN PLAIN\r\n", TELLS},
		   {"HELO", "250 mail\r\n", TELLS},
		   {"AUTH", "535 5.7.8 Authentication failed\r\n", HIDES},
		   {"QUIT", "221 2.0.0 Bye\r\n", ENDS}}},
	{.name = "pop3",
	 .greeting = "+OK ready\r\n",
	 .otherwise = "-ERR login first\r\n",
	 .ports = {110},
	 .manner = MANNER_LINES,
	 .reply = {{"USER ", "+OK\r\n", NAMES},
		   {"PASS ", "-ERR authentication failed\r\n", HIDES},
		   {"QUIT", "+OK\r\n", ENDS}}},
	{.name = "redis",
	 .otherwise = "-NOAUTH Authentication required.\r\n",
	 .ports = {6379},
	 .manner = MANNER_LINES,
	 .reply = {{"AUTH",
		    "-WRONGPASS invalid username-password pair or user is disabled.\r\n",
		    HIDES}}},
	{.name = "vnc",
	 .greeting = "RFB 003.008\n",
	 .ports = {5900, 5901},
	 .manner = MANNER_BANNER},
	{.name = "http", .ports = {80, 8080, 8000, 8888}, .manner = MANNER_HTTP},
	{.name = "port"}, /* listens, and says nothing */
};

const struct decoy_service *decoy_service(struct str name, unsigned port)
{
	const size_t last = ARRAY_LEN(services) - 1;

	for (size_t i = 0; i <= last; i++) {
		if (name.len && str_ieqz(name, services[i].name))
			return &services[i];
		for (size_t k = 0; !name.len && k < ARRAY_LEN(services[i].ports); k++)
			if (port && services[i].ports[k] == port)
				return &services[i];
	}
	return &services[last];
}

struct str decoy_service_name(const struct decoy_service *s)
{
	return str_of(s->name);
}

struct str decoy_greeting(const struct decoy_talk *t)
{
	return str_of(t->service->greeting ? t->service->greeting : "");
}

static void show(struct decoy_talk *t, struct str s)
{
	for (size_t i = 0; i < s.len && t->ntext < sizeof(t->text); i++) {
		char c = s.p[i];

		t->text[t->ntext++] = c >= 32 && c < 127 ? c : '.';
	}
}

static void name(struct decoy_talk *t, struct str s)
{
	s = str_trim(s);
	t->nuser = MIN(s.len, sizeof(t->user));
	memcpy(t->user, s.p, t->nuser);
}

/* telnet asks for a name and a password in turn. */
static const char *telnet(struct decoy_talk *t, struct str line)
{
	if (t->turns % 2 == 0) {
		name(t, line);
		return "Password: ";
	}
	t->password = true;
	return t->service->otherwise;
}

static const char *reply_to(struct decoy_talk *t, struct str line)
{
	const struct decoy_service *s = t->service;

	if (str_eqz(str_of(s->name), "telnet"))
		return telnet(t, line);
	for (size_t i = 0; i < REPLIES && s->reply[i].begin; i++) {
		const struct reply *r = &s->reply[i];
		size_t n = strlen(r->begin);

		if (line.len < n || !str_ieqz(str_sub(line, 0, n), r->begin))
			continue;
		if (r->what == NAMES)
			name(t, str_sub(line, n, line.len));
		else if (r->what == HIDES)
			t->password = true;
		else
			show(t, line);
		t->over |= r->what == ENDS;
		return r->say;
	}
	/* What goes on after AUTH, or a password where no word says so, is not shown. */
	if (!t->password && !t->nuser)
		show(t, line);
	return s->otherwise;
}

static size_t say(const char *z, char *answer, size_t at, size_t cap)
{
	size_t n = strlen(z);

	if (cap - at < n)
		return at;
	memcpy(answer + at, z, n);
	return at + n;
}

static size_t hear_lines(struct decoy_talk *t, struct str bytes, char *answer, size_t cap)
{
	size_t out = 0;

	for (size_t i = 0; i < bytes.len && !t->over; i++) {
		char c = bytes.p[i];

		if (c != '\n') {
			/* What is too long to be a line is still only heard. */
			if (t->nline < sizeof(t->line))
				t->line[t->nline++] = c;
			continue;
		}
		out = say(reply_to(t, str_trim(str_n(t->line, t->nline))), answer, out, cap);
		t->nline = 0;
		t->over |= ++t->turns >= DECOY_TURNS_MAX;
	}
	return out;
}

/* The request line alone is shown: what stands below may be credentials. */
static size_t hear_http(struct decoy_talk *t, struct str bytes, char *answer, size_t cap)
{
	static const char refused[] = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic "
				      "realm=\"Administration\"\r\n"
				      "Content-Length: 0\r\nConnection: close\r\n\r\n";
	static const char basic[] = "authorization: basic ";

	for (size_t i = 0; i < bytes.len && !t->over; i++) {
		struct str line;

		if (bytes.p[i] != '\n') {
			if (t->nline < sizeof(t->line))
				t->line[t->nline++] = bytes.p[i];
			continue;
		}
		line = str_trim(str_n(t->line, t->nline));
		t->nline = 0;
		if (!t->turns++)
			show(t, str_cut(line, '?', &(struct str){NULL, 0}));
		else if (line.len > sizeof(basic) - 1 &&
			 str_ieqz(str_sub(line, 0, sizeof(basic) - 1), basic))
			t->password = true;
		t->over = !line.len;
	}
	return t->over ? say(refused, answer, 0, cap) : 0;
}

size_t decoy_hear(struct decoy_talk *t, struct str bytes, char *answer, size_t cap)
{
	switch (t->service->manner) {
	case MANNER_LINES:
		return hear_lines(t, bytes, answer, cap);
	case MANNER_HTTP:
		return hear_http(t, bytes, answer, cap);
	default:
		show(t, bytes);
		t->over |= ++t->turns >= DECOY_TURNS_MAX;
		return 0;
	}
}
