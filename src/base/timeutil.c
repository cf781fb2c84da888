/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include <math.h>
#include <stdio.h>
#include <time.h>

/* Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil. */
int64_t time_days(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	unsigned yoe, doy, doe;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (unsigned)(y - era * 400);
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + (int64_t)doe - 719468;
}

static void civil(int64_t z, int64_t *y, unsigned *m, unsigned *d)
{
	int64_t era;
	unsigned doe, yoe, doy, mp;

	z += 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = (unsigned)(z - era * 146097);
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static bool digits(struct str s, size_t at, size_t n, unsigned *ret)
{
	unsigned v = 0;

	if (at + n > s.len)
		return false;
	for (size_t i = at; i < at + n; i++) {
		unsigned d = (unsigned char)s.p[i] - (unsigned)'0';

		if (d > 9)
			return false;
		v = v * 10 + d;
	}
	*ret = v;
	return true;
}

/* ".123456789": moves *at past it. */
static bool fraction(struct str s, size_t *at, int64_t *ret_ns)
{
	size_t i = *at + 1;
	uint64_t w = str_word(s.p + i, MIN(s.len - i, (size_t)8)), odd = word_odd(w);
	unsigned n = odd ? (unsigned)__builtin_ctzll(odd) / 8 : 8;
	int64_t unit = 1;

	if (n == 0)
		return false;
	if (n < 8)
		w = (w & ~(UINT64_MAX << 8 * n)) | WORD_ZEROS << 8 * n;
	*ret_ns = (int64_t)word_number(w) * 10;
	i += n;
	for (; n == 8 && i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++, unit = 0)
		*ret_ns += (s.p[i] - '0') * unit;
	*at = i;
	return true;
}

/* "", "Z", "+02:00", "+0200", "+02" */
static bool zone(struct str s, int64_t *ret_s)
{
	unsigned h, m = 0;
	int64_t v;

	*ret_s = 0;
	if (s.len == 0 || (s.len == 1 && (s.p[0] == 'Z' || s.p[0] == 'z')))
		return true;
	if ((s.p[0] != '+' && s.p[0] != '-') || !digits(s, 1, 2, &h))
		return false;
	if (s.len == 6 && s.p[3] == ':') {
		if (!digits(s, 4, 2, &m))
			return false;
	} else if (s.len == 5) {
		if (!digits(s, 3, 2, &m))
			return false;
	} else if (s.len != 3) {
		return false;
	}
	if (h > 23 || m > 59)
		return false;
	v = (int64_t)h * 3600 + m * 60;
	*ret_s = s.p[0] == '-' ? -v : v;
	return true;
}

static bool build(unsigned y, unsigned mo, unsigned d, unsigned h, unsigned mi, unsigned sec,
		  int64_t off_s, int64_t frac, int64_t *ret_ns)
{
	int64_t t;

	if (y < 1970 || y > 2261 || mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 ||
	    sec > 60)
		return false;
	t = time_days(y, mo, d) * 86400 + (int64_t)h * 3600 + mi * 60 + sec - off_s;
	if (t < 0)
		return false;
	*ret_ns = t * NS_PER_S + frac;
	return true;
}

bool time_parse(struct str s, int64_t *ret_ns)
{
	unsigned y, mo, d, h, mi, sec;
	int64_t frac = 0, off;
	size_t at = 19;

	if (s.len < 19 || !digits(s, 0, 4, &y) || s.p[4] != '-' || !digits(s, 5, 2, &mo) ||
	    s.p[7] != '-' || !digits(s, 8, 2, &d) || (s.p[10] != 'T' && s.p[10] != ' ') ||
	    !digits(s, 11, 2, &h) || s.p[13] != ':' || !digits(s, 14, 2, &mi) ||
	    s.p[16] != ':' || !digits(s, 17, 2, &sec))
		return false;
	if (at < s.len && (s.p[at] == '.' || s.p[at] == ',') && !fraction(s, &at, &frac))
		return false;
	if (!zone(str_trim(str_sub(s, at, s.len)), &off))
		return false;
	return build(y, mo, d, h, mi, sec, off, frac, ret_ns);
}

bool time_parse_epoch(struct str s, int64_t *ret_ns)
{
	int64_t v = 0, frac = 0, unit;
	size_t i = 0;
	double f;

	if (s.len >= 8 && !word_odd(str_word(s.p, 8))) {
		v = word_number(str_word(s.p, 8));
		i = 8;
	}
	for (; i < s.len && s.p[i] >= '0' && s.p[i] <= '9' && i < 18; i++)
		v = v * 10 + (s.p[i] - '0');
	/* Nanoseconds have 19 digits, and not all numbers of 19 fit. */
	for (; i < s.len && s.p[i] >= '0' && s.p[i] <= '9' && i < 19; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, s.p[i] - '0', &v))
			return false;
	if (i == 0)
		return false;
	if (i < s.len && s.p[i] == '.' && !fraction(s, &i, &frac))
		return false;
	if (i != s.len) /* an exponent, or rubbish */
		return str_f64(s, &f) && time_from_f64(f, ret_ns);
	if (v < 100000000000)
		unit = NS_PER_S;
	else if (v < 100000000000000)
		unit = NS_PER_MS;
	else if (v < 100000000000000000)
		unit = NS_PER_US;
	else
		unit = 1;
	if (v > INT64_MAX / unit - 1)
		return false;
	*ret_ns = v * unit + frac / (NS_PER_S / unit);
	return true;
}

bool time_from_f64(double s, int64_t *ret_ns)
{
	if (!isfinite(s) || s < 0 || s > 9.2e9)
		return false;
	*ret_ns = (int64_t)floor(s) * NS_PER_S + (int64_t)llround((s - floor(s)) * 1e9);
	return true;
}

static bool month_of(struct str s, unsigned *ret)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (unsigned i = 0; i < 12; i++)
		if (s.len >= 3 && str_ieq(str_sub(s, 0, 3), str_n(names + i * (size_t)3, 3))) {
			*ret = i + 1;
			return true;
		}
	return false;
}

static bool mail_zone(struct str s, int64_t *ret_s)
{
	static const struct {
		const char *name;
		int hours;
	} old[] = {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
		   {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};

	for (size_t i = 0; i < ARRAY_LEN(old); i++)
		if (str_ieqz(s, old[i].name)) {
			*ret_s = old[i].hours * 3600;
			return true;
		}
	if (!zone(s, ret_s))
		*ret_s = 0; /* RFC 5322 4.3: an unknown zone counts as -0000 */
	return true;
}

bool time_parse_mail(struct str s, int64_t *ret_ns)
{
	struct str rest, tok[6];
	int64_t d, y, off;
	unsigned mo, h, mi, sec = 0;
	size_t n = 0, comma = str_chr(s, ',', 0);

	rest = str_trim(comma == SIZE_MAX ? s : str_sub(s, comma + 1, s.len));
	while (n < 5 && rest.len) {
		tok[n] = str_cut(rest, ' ', &rest);
		rest = str_trim(rest);
		n++;
	}
	if (n < 4 || !str_i64(tok[0], &d) || !month_of(tok[1], &mo) || !str_i64(tok[2], &y))
		return false;
	if (tok[2].len <= 3)
		y += tok[2].len == 2 && y < 50 ? 2000 : 1900;
	if (!digits(tok[3], 0, 2, &h) || tok[3].len < 5 || !digits(tok[3], 3, 2, &mi))
		return false;
	if (tok[3].len >= 8 && !digits(tok[3], 6, 2, &sec))
		return false;
	mail_zone(n > 4 ? tok[4] : (struct str){NULL, 0}, &off);
	if (d < 1 || d > 31 || y < 1970 || y > 2261)
		return false;
	return build((unsigned)y, mo, (unsigned)d, h, mi, sec, off, 0, ret_ns);
}

/* The week of a day is that of its Thursday, and weeks begin on Monday. */
static int64_t iso_week(int64_t days)
{
	int64_t weekday = (((days + 3) % 7) + 7) % 7, thursday = days - weekday + 3, y;
	unsigned m, d;

	civil(thursday, &y, &m, &d);
	return (thursday - time_days(y, 1, 1)) / 7 + 1;
}

int64_t time_part(int64_t ns, enum time_part part)
{
	int64_t s = ns / NS_PER_S - (ns % NS_PER_S < 0), days = s / S_PER_D, r = s % S_PER_D, y;
	unsigned m, d;

	if (r < 0) {
		r += S_PER_D;
		days--;
	}
	civil(days, &y, &m, &d);
	switch (part) {
	case TIME_MINUTE:
		return r / 60 % 60;
	case TIME_HOUR:
		return r / 3600;
	case TIME_DAY:
		return d;
	case TIME_WEEK:
		return iso_week(days);
	case TIME_MONTH:
		return m;
	default:
		return y;
	}
}

/* "10/Oct/2026", "10-Oct-2026", "2026/10/10": moves *at past it. */
static bool log_day(struct str s, size_t *at, unsigned *y, unsigned *mo, unsigned *d)
{
	if (digits(s, 0, 4, y)) {
		*at = 10;
		return s.len > 10 && s.p[4] == '/' && s.p[7] == '/' && digits(s, 5, 2, mo) &&
		       digits(s, 8, 2, d);
	}
	*at = 11;
	return s.len > 11 && (s.p[2] == '/' || s.p[2] == '-') && s.p[6] == s.p[2] &&
	       digits(s, 0, 2, d) && month_of(str_sub(s, 3, 6), mo) && digits(s, 7, 4, y);
}

/* "Oct 10 2026", "Oct  1, 2026". */
static bool month_day(struct str s, size_t *at, unsigned *y, unsigned *mo, unsigned *d)
{
	size_t i = 4;

	if (s.len < 12 || s.p[3] != ' ' || !month_of(s, mo))
		return false;
	i += s.p[i] == ' ';
	if (digits(s, i, 2, d))
		i += 2;
	else if (digits(s, i, 1, d))
		i += 1;
	else
		return false;
	i += i < s.len && s.p[i] == ',';
	if (i >= s.len || s.p[i] != ' ' || !digits(s, i + 1, 4, y))
		return false;
	*at = i + 5;
	return true;
}

bool time_parse_log(struct str s, int64_t *ret_ns)
{
	unsigned y, mo, d, h, mi, sec;
	int64_t frac = 0, off;
	size_t at = 0;

	if (!log_day(s, &at, &y, &mo, &d) && !month_day(s, &at, &y, &mo, &d))
		return false;
	if (at + 9 > s.len || (s.p[at] != ' ' && s.p[at] != ':') || !digits(s, at + 1, 2, &h) ||
	    s.p[at + 3] != ':' || !digits(s, at + 4, 2, &mi) || s.p[at + 6] != ':' ||
	    !digits(s, at + 7, 2, &sec))
		return false;
	at += 9;
	if (at < s.len && s.p[at] == '.' && !fraction(s, &at, &frac))
		return false;
	s = str_trim(str_sub(s, at, s.len));
	if (str_eqz(s, "GMT") || str_eqz(s, "UTC"))
		s.len = 0;
	return zone(s, &off) && build(y, mo, d, h, mi, sec, off, frac, ret_ns);
}

char *time_rfc3339(int64_t ns, char out[TIME_TEXT])
{
	int64_t s = ns / NS_PER_S, frac = ns % NS_PER_S, days, y, r;
	unsigned m, d;
	int n;

	if (frac < 0) {
		frac += NS_PER_S;
		s--;
	}
	days = s / S_PER_D;
	r = s % S_PER_D;
	if (r < 0) {
		r += S_PER_D;
		days--;
	}
	civil(days, &y, &m, &d);
	n = snprintf(out, TIME_TEXT, "%04d-%02u-%02uT%02d:%02d:%02d", (int)y, m, d,
		     (int)(r / 3600), (int)(r / 60 % 60), (int)(r % 60));
	if (frac == 0)
		snprintf(out + n, TIME_TEXT - (size_t)n, "Z");
	else if (frac % NS_PER_MS == 0)
		snprintf(out + n, TIME_TEXT - (size_t)n, ".%03dZ", (int)(frac / NS_PER_MS));
	else if (frac % NS_PER_US == 0)
		snprintf(out + n, TIME_TEXT - (size_t)n, ".%06dZ", (int)(frac / NS_PER_US));
	else
		snprintf(out + n, TIME_TEXT - (size_t)n, ".%09dZ", (int)frac);
	return out;
}

unsigned time_how(int64_t ns, int64_t offset_ns)
{
	int64_t h = (ns + offset_ns) / NS_PER_H;

	/* 1970-01-01 was a Thursday: 72 hours after a Monday. */
	return (unsigned)(((h + 72) % 168 + 168) % 168);
}

char *time_human(int64_t ns, char out[TIME_TEXT])
{
	int64_t s = (ns < 0 ? -ns : ns) / NS_PER_S;

	if (s < 120)
		snprintf(out, TIME_TEXT, "%d s", (int)s);
	else if (s < 7200)
		snprintf(out, TIME_TEXT, "%d min", (int)(s / 60));
	else if (s < 2 * S_PER_D)
		snprintf(out, TIME_TEXT, "%d h", (int)(s / 3600));
	else
		snprintf(out, TIME_TEXT, "%d days", (int)(s / S_PER_D));
	return out;
}

bool time_parse_span(struct str s, int64_t max, int64_t *ret_ns)
{
	int64_t n, unit;

	if (!s.len || !str_i64(str_sub(s, 0, s.len - 1), &n) || n < 1 || n > max)
		return false;
	switch (s.p[s.len - 1]) {
	case 's':
		unit = NS_PER_S;
		break;
	case 'm':
		unit = 60 * NS_PER_S;
		break;
	case 'h':
		unit = NS_PER_H;
		break;
	case 'd':
		unit = NS_PER_D;
		break;
	default:
		return false;
	}
	*ret_ns = n * unit;
	return true;
}

int64_t time_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}
