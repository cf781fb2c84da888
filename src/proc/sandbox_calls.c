/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls that stay possible. Whatever is not here answers EPERM (ENOSYS where a library then
 * takes an older way), so that a call of a library we did not foresee is an error it handles
 * and not the end of the daemon; what an attacker needs for more is not here in any case: no
 * programs, no debugging of others, no mounting, no namespaces, no keys, no bpf, no io_uring,
 * no sockets but of the internet and of this machine.
 */
#include "base/macros.h"
#include "proc/sandbox.h"
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>

/* clang-format off */
static const char *const allowed[] = {
	/* memory */
	"brk", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mmap", "mprotect", "mremap", "msync", "munlock", "munmap",
	/* files */
	"access", "chdir", "chmod", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3", "faccessat",
	"faccessat2", "fadvise64", "fallocate", "fchmod", "fchmodat", "fchown", "fcntl", "fdatasync", "flock", "fstat", "fstatfs", "fsync",
	"ftruncate", "getcwd", "getdents", "getdents64", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch",
	"ioctl", "link", "linkat", "lseek", "lstat", "memfd_create", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2",
	"pipe", "pipe2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink",
	"readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile", "splice", "stat", "statfs", "statx",
	"sync_file_range", "syncfs", "truncate", "umask", "unlink", "unlinkat", "utimensat", "write", "writev",
	/* waiting */
	"clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2",
	"epoll_wait", "eventfd", "eventfd2", "futex", "gettimeofday", "nanosleep", "pause", "poll", "ppoll", "pselect6",
	"restart_syscall", "select", "time", "timer_create", "timer_delete", "timer_settime", "timerfd_create", "timerfd_gettime",
	"timerfd_settime",
	/* signals and threads (clone below) */
	"exit", "exit_group", "get_robust_list", "gettid", "kill", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
	"rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "sched_setaffinity", "sched_yield", "set_robust_list", "set_tid_address", "sigaltstack", "signalfd",
	"signalfd4", "tgkill", "tkill", "arch_prctl",
	/* sockets (socket below) */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom", "recvmmsg", "recvmsg",
	"sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "socketpair",
	/* about oneself */
	"getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrandom",
	"getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "getuid", "prctl", "prlimit64", "sysinfo", "times", "uname",
};
/* clang-format on */

/* clang-format off */
static const char *const keepers[] = {
	"bind", "brk", "close", "exit", "exit_group", "getpid", "gettid", "kill", "listen", "mmap", "munmap", "recvfrom", "recvmsg",
	"restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sendmsg", "sendto", "setsockopt", "tgkill", "tkill",
	"wait4", "waitid", "write",
};
/* clang-format on */

#define NAMESPACES                                                                  \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
	 CLONE_NEWNET | CLONE_NEWCGROUP)

static int allow(scmp_filter_ctx f, const char *const *names, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);

		/* One that this machine's kernel does not know needs no leave. */
		if (nr != __NR_SCMP_ERROR)
			r = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 0);
	}
	return r;
}

/* The flags of a type lie above these bits. */
static int allow_socket(scmp_filter_ctx f, int family, int type)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family, 0),
				SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, (scmp_datum_t)type));
}

static int fill(scmp_filter_ctx f)
{
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
	int r = allow(f, allowed, ARRAY_LEN(allowed));

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(families); i++) {
		r = allow_socket(f, families[i], SOCK_STREAM);
		r = r < 0 ? r : allow_socket(f, families[i], SOCK_DGRAM);
	}
	/* Threads, not processes of another kind; libraries fall back from clone3 to clone. */
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ,
					     (scmp_datum_t)(NAMESPACES | CLONE_THREAD),
					     (scmp_datum_t)CLONE_THREAD));
	if (r == 0)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r;
}

static int fill_keeper(scmp_filter_ctx f)
{
	static const int families[] = {AF_INET, AF_INET6};
	int r = allow(f, keepers, ARRAY_LEN(keepers));

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(families); i++) {
		r = allow_socket(f, families[i], SOCK_STREAM);
		r = r < 0 ? r : allow_socket(f, families[i], SOCK_DGRAM);
	}
	return r < 0 ? r : allow_socket(f, AF_PACKET, SOCK_RAW);
}

static int load(int (*rules)(scmp_filter_ctx f), struct diag *d)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r;

	if (!f)
		return diag_set(d, -ENOMEM, "seccomp: out of memory");
	r = rules(f);
	if (r == 0)
		r = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	if (r == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	if (r < 0)
		diag_set(d, r == -EINVAL ? -ENOSYS : r, "seccomp: %s", strerror(-r));
	return r == -EINVAL ? -ENOSYS : r;
}

int sandbox_calls(struct diag *d)
{
	return load(fill, d);
}

int sandbox_keeper(struct diag *d)
{
	return load(fill_keeper, d);
}
