/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/keeper.h"
#include "base/str.h"
#include "proc/sandbox.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 128
#define RCVBUF	(8 * 1024 * 1024)
#define RAW	(-1) /* type of a raw socket */

struct named {
	struct sockaddr_storage a;
	socklen_t len;
	int type;
	bool v6only;
};

struct keeper {
	struct named v[KEEPER_MAX];
	size_t n;
};

/* A request is the number of what was named, an answer 0 and a socket, or -errno. */
struct asked {
	uint32_t what;
};

struct answer {
	int32_t error;
};

/* The child's. */
static struct {
	pthread_mutex_t lock;
	int fd; /* -1: there is no keeper */
	const struct keeper *names;
} me = {PTHREAD_MUTEX_INITIALIZER, -1, NULL};

struct keeper *keeper_new(void)
{
	return calloc(1, sizeof(struct keeper));
}

struct keeper *keeper_free(struct keeper *k)
{
	if (me.names == k)
		me.names = NULL;
	free(k);
	return NULL;
}

static int name(struct keeper *k, const struct named *x)
{
	if (k->n == KEEPER_MAX)
		return E_LIMIT;
	k->v[k->n++] = *x;
	return 0;
}

static int named(struct named *x, const struct sockaddr *a, socklen_t len, int type)
{
	*x = (struct named){.len = len,
			    .type = type & ~KEEPER_V6ONLY,
			    .v6only = type & KEEPER_V6ONLY && a->sa_family == AF_INET6};
	if (len > sizeof(x->a))
		return -EINVAL;
	memcpy(&x->a, a, len);
	return 0;
}

int keeper_address(struct keeper *k, const struct sockaddr *a, socklen_t len, int type)
{
	struct named x;
	int r = named(&x, a, len, type);

	return r < 0 ? r : name(k, &x);
}

int keeper_packets(struct keeper *k)
{
	return name(k, &(struct named){.type = RAW});
}

static unsigned port_of(const struct named *x)
{
	const void *a = &x->a;

	return ntohs(x->a.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
						: ((const struct sockaddr_in *)a)->sin_port);
}

static bool has(int capability)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct now[2];

	return syscall(SYS_capget, &head, now) == 0 && now[0].effective & 1u << capability;
}

bool keeper_needed(const struct keeper *k)
{
	bool raw = has(CAP_NET_RAW), low = has(CAP_NET_BIND_SERVICE);

	for (size_t i = 0; i < k->n; i++) {
		unsigned port = k->v[i].type == RAW ? 0 : port_of(&k->v[i]);

		if (k->v[i].type == RAW ? raw : low && port && port < 1024)
			return true;
	}
	return false;
}

/* ---- sockets, in either process ---- */

static int open_listening(const struct named *x, int *ret_fd)
{
	int one = 1, big = RCVBUF, r;
	int fd = socket(x->a.ss_family, x->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (x->type == SOCK_DGRAM) {
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
		setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	}
	if (x->v6only)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&x->a, x->len) < 0 ||
	    (x->type == SOCK_STREAM && listen(fd, BACKLOG) < 0)) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int open_named(const struct named *x, int *ret_fd)
{
	int fd;

	if (x->type != RAW)
		return open_listening(x, ret_fd);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* ---- the keeper ---- */

static volatile sig_atomic_t child;

/* What a terminal sends comes to the whole group, so the child has it already. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (child > 0 && info->si_code <= 0)
		kill((pid_t)child, sig);
}

static void answer(int fd, int error, int sock)
{
	struct answer a = {error};
	struct iovec v = {&a, sizeof(a)};
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} c;
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

	if (sock >= 0) {
		memset(&c, 0, sizeof(c));
		m.msg_control = &c;
		m.msg_controllen = sizeof(c);
		c.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&c.head), &sock, sizeof(sock));
	}
	(void)sendmsg(fd, &m, MSG_NOSIGNAL);
}

/* Until the child has closed its end, which is when it ends. */
static void serve(const struct keeper *k, int fd)
{
	struct asked q;
	ssize_t n;

	while ((n = recv(fd, &q, sizeof(q), 0)) != 0) {
		int sock = -1, r = -EINVAL;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		if (n == sizeof(q) && q.what < k->n)
			r = open_named(&k->v[q.what], &sock);
		answer(fd, r, sock);
		if (sock >= 0)
			close(sock);
	}
}

/* As the child ended: its status, or by the same signal. */
_Noreturn static void end_as(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			_exit(1);
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
		_exit(128 + WTERMSIG(status));
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static const int passed[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT};

static void take_signals(pid_t pid)
{
	struct sigaction sa = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigset_t set;

	child = pid;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
		sigaction(passed[i], &sa, NULL);
		sigaddset(&set, passed[i]);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

_Noreturn static void keep(const struct keeper *k, int fd, pid_t pid)
{
	struct sandbox *s = calloc(1, sizeof(*s));
	struct diag d = {{0}};

	take_signals(pid);
	prctl(PR_SET_NAME, "thymus-keeper", 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	for (size_t i = 0; s && i < k->n; i++)
		if (k->v[i].type == SOCK_STREAM)
			sandbox_bind(s, port_of(&k->v[i]));
	if (s)
		s->signals = true;
	/* One that is held less is better than none; but it is said. */
	if (!s || sandbox_files(s, &d) < 0 || sandbox_keeper(&d) < 0)
		fprintf(stderr, "level=warn msg=\"the keeper is not confined: %s\"\n", d.msg);
	serve(k, fd);
	end_as(pid);
}

int keeper_start(struct keeper *k, struct diag *d)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return diag_set(d, -errno, "keeper: %s", strerror(errno));
	/* No signal gets lost between: the keeper has its handlers before it lets any in. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		r = diag_set(d, -errno, "keeper: %s", strerror(errno));
		close(pair[0]);
		close(pair[1]);
		sigprocmask(SIG_SETMASK, &before, NULL);
		return r;
	}
	if (pid > 0) {
		close(pair[1]);
		keep(k, pair[0], pid);
	}
	close(pair[0]);
	me.fd = pair[1];
	me.names = k;
	r = sandbox_powerless(d);
	/* The keeper is gone: so are we. After the privileges, whose change would undo it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(1);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

/* ---- the child ---- */

bool keeper_there(void)
{
	return me.fd >= 0;
}

static int receive(int *ret_fd)
{
	struct answer a;
	struct iovec v = {&a, sizeof(a)};
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} c;
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
	struct cmsghdr *h;
	ssize_t n;

	while ((n = recvmsg(me.fd, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (n != sizeof(a))
		return n < 0 ? -errno : -EPIPE;
	if (a.error < 0)
		return a.error;
	h = CMSG_FIRSTHDR(&m);
	if (!h || h->cmsg_type != SCM_RIGHTS || h->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EPROTO;
	memcpy(ret_fd, CMSG_DATA(h), sizeof(*ret_fd));
	return 0;
}

static bool same(const struct named *a, const struct named *b)
{
	return a->type == b->type &&
	       (a->type == RAW || (a->v6only == b->v6only && a->len == b->len &&
				   memcmp(&a->a, &b->a, a->len) == 0));
}

static int ask(const struct named *x, int *ret_fd)
{
	struct asked q;
	int r;

	for (q.what = 0; me.names && q.what < me.names->n; q.what++)
		if (same(&me.names->v[q.what], x))
			break;
	if (!me.names || q.what == me.names->n)
		return open_named(x, ret_fd);
	pthread_mutex_lock(&me.lock);
	r = send(me.fd, &q, sizeof(q), MSG_NOSIGNAL) == sizeof(q) ? receive(ret_fd) : -errno;
	pthread_mutex_unlock(&me.lock);
	return r;
}

int keeper_listen(const struct sockaddr *a, socklen_t len, int type, int *ret_fd)
{
	struct named x;
	int r = named(&x, a, len, type);

	if (r < 0)
		return r;
	return me.fd >= 0 ? ask(&x, ret_fd) : open_named(&x, ret_fd);
}

int keeper_raw(int *ret_fd)
{
	struct named x = {.type = RAW};

	return me.fd >= 0 ? ask(&x, ret_fd) : open_named(&x, ret_fd);
}
