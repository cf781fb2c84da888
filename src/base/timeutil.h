/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/timeutil: UTC nanoseconds since 1970 as int64_t, everywhere. No function here reads a
 * clock but time_wall, which nothing that is made of events may depend on.
 */
#ifndef BASE_TIMEUTIL_H
#define BASE_TIMEUTIL_H
#include "base/str.h"

#define TIME_NONE INT64_MIN
#define TIME_TEXT 40 /* bytes that time_rfc3339 needs at most, NUL included */

/*
 * Reads "2026-05-03T23:01:23", with 'T' or ' ', optional fraction of 1 to 9 (more are cut)
 * digits, optional zone "Z", "+02:00", "+0200" (none = UTC). Whole slice. Years 1970 to 2261.
 */
bool time_parse(struct str s, int64_t *ret_ns);
/*
 * Reads a number of seconds since 1970 with optional fraction, exactly (no rounding through
 * double). Values from 1e11 on are milliseconds, from 1e14 microseconds, from 1e17 nanoseconds.
 */
bool time_parse_epoch(struct str s, int64_t *ret_ns);
/* Seconds as a double to ns, rounded; false when not finite or out of range. */
bool time_from_f64(double s, int64_t *ret_ns);
/* "Sun, 10 May 2026 22:46:28 +0000 (UTC)" (RFC 5322 date, obsolete zones too). */
bool time_parse_mail(struct str s, int64_t *ret_ns);
/*
 * The times of logs made for people, of English months: "10/Oct/2026:13:55:36 +0200" (web
 * servers), "10-Oct-2026 13:55:36.123" (BIND), "Oct 10 2026 13:55:36" and "Oct 10, 2026
 * 13:55:36" (CEF), "2026/10/10 13:55:36". Without zone UTC. Whole slice.
 */
bool time_parse_log(struct str s, int64_t *ret_ns);
/* Writes "2026-05-03T23:01:23.123456789Z"; the fraction is left out when zero, else cut to
 * 3, 6 or 9 digits. Returns out. */
char *time_rfc3339(int64_t ns, char out[TIME_TEXT]);
/* Days since 1970-01-01 of a proleptic Gregorian date. Month 1..12. */
int64_t time_days(int64_t year, unsigned month, unsigned day);
enum time_part { TIME_MINUTE = 1, TIME_HOUR, TIME_DAY, TIME_WEEK, TIME_MONTH, TIME_YEAR };
/* That part of a date, in UTC; weeks as ISO 8601 numbers them. */
int64_t time_part(int64_t ns, enum time_part part);
/* Hour of week of ns + offset, 0 = Monday 00:00, 0..167. */
unsigned time_how(int64_t ns, int64_t offset_ns);
/* Writes a duration for people: "4 min", "2 h 30 min", "3 days". Returns out. */
char *time_human(int64_t ns, char out[TIME_TEXT]);
/* "45s", "30m", "6h", "7d": 1 to max of one unit. Whole slice. */
bool time_parse_span(struct str s, int64_t max, int64_t *ret_ns);
/* A clock that only goes forward, ns: for progress, limits of time, benchmarks. */
int64_t time_wall(void);

#endif
