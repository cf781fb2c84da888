/* SPDX-License-Identifier: Apache-2.0 */
/* Users, sessions and tokens over time, which the caller tells. */
#include "store/users.h"
#include "base/timeutil.h"
#include "tap.h"
#include <errno.h>
#include <unistd.h>

#define T0   (INT64_C(1800000000) * NS_PER_S)
#define IDLE (12 * NS_PER_H)

struct world {
	char dir[64];
	struct users *u;
	struct arena mem;
	struct diag d;
};

static void make(struct world *w)
{
	*w = (struct world){.dir = "/tmp/thymus-users-XXXXXX"};
	if (!mkdtemp(w->dir))
		abort();
	arena_init(&w->mem, 0);
	CHECK_INT(users_open(w->dir, &w->u, &w->d), 0);
}

static void done(struct world *w)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char p[128];

	users_close(w->u);
	arena_free(&w->mem);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(p, sizeof(p), "%s/users.db%s", w->dir, ends[i]);
		unlink(p);
	}
	CHECK_INT(rmdir(w->dir), 0);
}

static const struct str password = {"correct horse battery", 21};

TEST(a_link_is_good_once_and_for_its_time)
{
	struct world w;
	char a[USERS_SECRET], b[USERS_SECRET];

	make(&w);
	CHECK_INT(users_ready(w.u, &w.d), 0);
	CHECK_INT(users_setup_new(w.u, T0 + NS_PER_D, a, &w.d), 0);
	CHECK_INT(users_setup_new(w.u, T0 + NS_PER_D, b, &w.d), 0);
	CHECK_INT(users_setup_use(w.u, str_of(a), STR("eve"), password, T0, &w.d), -EACCES);
	CHECK_INT(users_setup_use(w.u, str_of(b), STR("eve"), password, T0 + NS_PER_D, &w.d),
		  -EACCES);
	CHECK_INT(users_setup_use(w.u, str_of(b), STR("eve"), STR("short"), T0, &w.d), -EINVAL);
	CHECK_INT(users_setup_use(w.u, str_of(b), STR("root"), password, T0, &w.d), 0);
	CHECK_INT(users_setup_use(w.u, str_of(b), STR("eve"), password, T0, &w.d), -EACCES);
	CHECK_INT(users_ready(w.u, &w.d), 1);
	done(&w);
}

TEST(a_session_ends_unused_and_after_a_week)
{
	struct world w;
	struct who who;
	char s[USERS_SECRET];
	int64_t t = T0;

	make(&w);
	CHECK_INT(users_add(w.u, STR("alice"), ROLE_ANALYST, password, T0, &w.d), 0);
	CHECK_INT(users_session_new(w.u, STR("alice"), t, IDLE, s, &w.d), 0);
	for (int i = 0; i < 15; i++, t += 11 * NS_PER_H)
		CHECK_INT(users_session(w.u, str_of(s), t, IDLE, &w.mem, &who, &w.d), 0);
	CHECK_STR(who.name, "alice");
	CHECK(who.rights == (RIGHT(ROLE_VIEWER) | RIGHT(ROLE_ANALYST)));
	CHECK_INT(users_session(w.u, str_of(s), T0 + 7 * NS_PER_D, IDLE, &w.mem, &who, &w.d),
		  -EACCES);
	CHECK_INT(users_session_new(w.u, STR("alice"), t, IDLE, s, &w.d), 0);
	/* Looking with idle 0 does not count as use. */
	CHECK_INT(users_session(w.u, str_of(s), t + IDLE - 1, 0, &w.mem, &who, &w.d), 0);
	CHECK_INT(users_session(w.u, str_of(s), t + IDLE, IDLE, &w.mem, &who, &w.d), -EACCES);
	done(&w);
}

TEST(a_token_ends_when_it_was_said)
{
	struct world w;
	struct who who;
	struct token t = {.name = STR("siem"),
			  .role = ROLE_AUDITOR,
			  .made = T0,
			  .expires = T0 + NS_PER_D};
	char s[USERS_SECRET];

	make(&w);
	CHECK_INT(users_token_new(w.u, &t, s, &w.d), 0);
	CHECK_INT(users_token(w.u, str_of(s), T0 + NS_PER_D - 1, &w.mem, &who, &w.d), 0);
	CHECK_INT(who.rights, RIGHT(ROLE_VIEWER) | RIGHT(ROLE_AUDITOR));
	CHECK_INT(users_token(w.u, str_of(s), T0 + NS_PER_D, &w.mem, &who, &w.d), -EACCES);
	CHECK_INT(users_token_new(w.u, &t, s, &w.d), -EEXIST);
	t.expires = T0;
	CHECK_INT(users_token_new(w.u, &t, s, &w.d), -EINVAL);
	CHECK_INT(users_token_revoke(w.u, STR("siem"), &w.d), 0);
	CHECK_INT(users_token_revoke(w.u, STR("siem"), &w.d), E_NOTFOUND);
	done(&w);
}

TEST(somebody_administrates_always)
{
	struct world w;
	struct users_change off = {.disabled = 1}, less = {.disabled = -1, .role = ROLE_VIEWER};

	make(&w);
	CHECK_INT(users_add(w.u, STR("a"), ROLE_ADMIN, password, T0, &w.d), 0);
	CHECK_INT(users_change(w.u, STR("a"), &off, &w.d), -EPERM);
	CHECK_INT(users_change(w.u, STR("a"), &less, &w.d), -EPERM);
	CHECK_INT(users_check(w.u, STR("a"), password, T0, &w.d), 0);
	CHECK_INT(users_add(w.u, STR("b"), ROLE_ADMIN, password, T0, &w.d), 0);
	CHECK_INT(users_change(w.u, STR("a"), &off, &w.d), 0);
	CHECK_INT(users_check(w.u, STR("a"), password, T0, &w.d), -EACCES);
	CHECK_INT(users_check(w.u, STR("nobody"), password, T0, &w.d), -EACCES);
	CHECK_INT(users_check(w.u, STR("b"), STR(""), T0, &w.d), -EACCES);
	CHECK_INT(users_change(w.u, STR("nobody"), &off, &w.d), E_NOTFOUND);
	done(&w);
}

TAP_MAIN
