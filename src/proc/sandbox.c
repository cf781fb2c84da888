/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/sandbox.h"
#include "base/str.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The kernel's interface (Documentation/userspace-api/landlock.rst), said here because headers
 * are older than kernels. ABI 1: files; 2: REFER; 3: TRUNCATE; 4: TCP ports; 5: IOCTL_DEV;
 * 6: scopes.
 */
struct ruleset_attr {
	uint64_t fs, net, scoped;
};
struct path_attr {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));
struct port_attr {
	uint64_t access, port;
};

#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE  (UINT64_C(1) << 2)
#define FS_READ_DIR   (UINT64_C(1) << 3)
#define FS_REMOVE_DIR (UINT64_C(1) << 4)
#define FS_REMOVE     (UINT64_C(1) << 5)
#define FS_MAKE_DIR   (UINT64_C(1) << 7)
#define FS_MAKE_REG   (UINT64_C(1) << 8)
#define FS_REFER      (UINT64_C(1) << 13)
#define FS_TRUNCATE   (UINT64_C(1) << 14)
#define FS_ALL(abi)                             \
	((abi) >= 5   ? (UINT64_C(1) << 16) - 1 \
	 : (abi) >= 3 ? (UINT64_C(1) << 15) - 1 \
	 : (abi) >= 2 ? (UINT64_C(1) << 14) - 1 \
		      : (UINT64_C(1) << 13) - 1)
#define FS_OF_FILES (FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE)
#define READS	    (FS_READ_FILE | FS_READ_DIR)
#define WRITES                                                                           \
	(READS | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE | FS_MAKE_DIR | FS_MAKE_REG | \
	 FS_REFER | FS_TRUNCATE)
#define NET_BIND       (UINT64_C(1) << 0)
#define NET_CONNECT    (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT UINT64_C(1)
#define SCOPES	       (UINT64_C(3)) /* abstract sockets and signals of others */
#define RULE_PATH      1
#define RULE_PORT      2
#define VERSION_ASKED  1u

static void add(struct sandbox *s, const char **list, size_t *n, const char *path)
{
	if (!path || !path[0])
		return;
	if (*n == SANDBOX_PATHS)
		s->full = true;
	else
		list[(*n)++] = path;
}

void sandbox_read(struct sandbox *s, const char *path)
{
	add(s, s->read, &s->nread, path);
}

void sandbox_write(struct sandbox *s, const char *path)
{
	add(s, s->write, &s->nwrite, path);
}

static void add_port(struct sandbox *s, uint16_t *list, size_t *n, unsigned port)
{
	if (*n == SANDBOX_PORTS || port > UINT16_MAX)
		s->full = true;
	else
		list[(*n)++] = (uint16_t)port;
}

void sandbox_bind(struct sandbox *s, unsigned port)
{
	add_port(s, s->bind, &s->nbind, port);
}

void sandbox_connect(struct sandbox *s, unsigned port)
{
	add_port(s, s->connect, &s->nconnect, port);
}

void sandbox_usual(struct sandbox *s)
{
	static const char *const paths[] = {
		"/usr/lib",
		"/lib",
		"/lib64",
		"/usr/share",
		"/usr/local/share",
		"/etc",
		"/dev/urandom",
		"/dev/null",
		"/proc/self",
		"/proc/meminfo",
		"/proc/cpuinfo",
		"/sys/devices/system/cpu",
		"/run/systemd/resolve",
	};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (access(paths[i], F_OK) == 0)
			sandbox_read(s, paths[i]);
	sandbox_write(s, "/dev/null");
}

/*
 * What a start may need: to bind a low port, to open an interface. Afterwards sandbox_calls
 * leaves nothing that they are good for.
 */
#define KEPT ((1u << CAP_NET_BIND_SERVICE) | (1u << CAP_NET_RAW))

static int set_capabilities(uint32_t kept)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct now[2], then[2] = {{0, 0, 0}, {0, 0, 0}};

	if (syscall(SYS_capget, &head, now) < 0)
		return -errno;
	then[0].permitted = then[0].effective = now[0].permitted & kept;
	/* Nothing to give up: under systemd's filters the call may be forbidden already. */
	if (!now[1].permitted && now[0].permitted == then[0].permitted && !now[0].inheritable)
		return 0;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, then) < 0 ? -errno : 0;
}

/* Opens a path, or the nearest folder above it that is there. */
static int open_nearest(const char *path)
{
	char up[4096];
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT || strlen(path) >= sizeof(up))
		return fd >= 0 ? fd : -errno;
	snprintf(up, sizeof(up), "%s", path);
	while (fd < 0 && errno == ENOENT) {
		char *slash = strrchr(up, '/');

		if (!slash) {
			fd = open(".", O_PATH | O_CLOEXEC);
			break;
		}
		slash[slash == up] = 0; /* "/x" becomes "/" */
		fd = open(up, O_PATH | O_CLOEXEC);
		if (slash == up)
			break;
	}
	return fd >= 0 ? fd : -errno;
}

static int add_path(int rules, const char *path, uint64_t access, struct diag *d)
{
	struct path_attr a = {.access = access};
	struct stat sb;
	int r = 0;

	a.fd = open_nearest(path);
	if (a.fd < 0)
		return diag_set(d, a.fd, "%s: %s", path, strerror(-a.fd));
	if (fstat(a.fd, &sb) == 0 && !S_ISDIR(sb.st_mode))
		a.access &= FS_OF_FILES;
	if (syscall(SYS_landlock_add_rule, rules, RULE_PATH, &a, 0u) < 0)
		r = diag_set(d, -errno, "%s: cannot be put on the list: %s", path,
			     strerror(errno));
	close(a.fd);
	return r;
}

static int add_ports(int rules, const uint16_t *v, size_t n, uint64_t access, struct diag *d)
{
	for (size_t i = 0; i < n; i++) {
		struct port_attr a = {.access = access, .port = v[i]};

		if (syscall(SYS_landlock_add_rule, rules, RULE_PORT, &a, 0u) < 0)
			return diag_set(d, -errno, "port %u: %s", (unsigned)v[i],
					strerror(errno));
	}
	return 0;
}

static int landlock(struct sandbox *s, struct diag *d)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, VERSION_ASKED);
	struct ruleset_attr attr = {0};
	size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	uint64_t all;
	int rules, r = 0;

	s->landlock = abi > 0 ? (int)abi : 0;
	if (abi <= 0)
		return 0;
	all = FS_ALL(abi);
	attr.fs = all;
	attr.net = abi >= 4 ? NET_BIND | NET_CONNECT : 0;
	attr.scoped = abi < 6 ? 0 : s->signals ? SCOPE_ABSTRACT : SCOPES;
	s->ports = abi >= 4;
	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0u);
	if (rules < 0)
		return diag_set(d, -errno, "Landlock: %s", strerror(errno));
	for (size_t i = 0; r == 0 && i < s->nread; i++)
		r = add_path(rules, s->read[i], READS & all, d);
	for (size_t i = 0; r == 0 && i < s->nwrite; i++)
		r = add_path(rules, s->write[i], WRITES & all, d);
	if (r == 0 && s->ports)
		r = add_ports(rules, s->bind, s->nbind, NET_BIND, d);
	if (r == 0 && s->ports)
		r = add_ports(rules, s->connect, s->nconnect, NET_CONNECT, d);
	if (r == 0 && syscall(SYS_landlock_restrict_self, rules, 0u) < 0)
		r = diag_set(d, -errno, "Landlock: %s", strerror(errno));
	close(rules);
	return r;
}

int sandbox_files(struct sandbox *s, struct diag *d)
{
	int r;

	if (s->full)
		return diag_set(d, E_LIMIT, "more than %d paths or %d ports", SANDBOX_PATHS,
				SANDBOX_PORTS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return diag_set(d, -errno, "no_new_privs: %s", strerror(errno));
	r = landlock(s, d);
	if (r == 0 && (r = set_capabilities(KEPT)) < 0)
		diag_set(d, r, "capabilities: %s", strerror(-r));
	return r;
}

int sandbox_powerless(struct diag *d)
{
	int r = set_capabilities(0);

	return r < 0 ? diag_set(d, r, "capabilities: %s", strerror(-r)) : 0;
}

int sandbox_user(const char *name, struct diag *d)
{
	const struct passwd *p = getpwnam(name);
	int64_t uid;

	if (!p && str_i64(str_of(name), &uid) && uid > 0 && uid < UINT32_MAX)
		p = getpwuid((uid_t)uid);
	if (!p || p->pw_uid == 0)
		return diag_set(d, -EINVAL, "user %s: %s", name,
				p ? "is root" : "there is none of this name");
	if (geteuid() == p->pw_uid)
		return 0;
	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (initgroups(p->pw_name, p->pw_gid) < 0 ||
	    setresgid(p->pw_gid, p->pw_gid, p->pw_gid) < 0 ||
	    setresuid(p->pw_uid, p->pw_uid, p->pw_uid) < 0)
		return diag_set(d, -errno, "user %s: %s", name, strerror(errno));
	return set_capabilities(KEPT);
}
