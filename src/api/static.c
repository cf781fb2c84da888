/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the page. Names under assets/ hold a hash of what is in them: kept for ever. */
#include "api/impl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *type_of(struct str path)
{
	static const char *const types[][2] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".json", "application/json"},
		{".woff2", "font/woff2"},
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_ends(path, str_of(types[i][0])))
			return types[i][1];
	return "application/octet-stream";
}

/* Only plain names: letters, digits, '-', '_', '.', '/', and no part that begins with a dot. */
static bool plain(struct str path)
{
	for (size_t i = 0; i < path.len; i++) {
		char c = path.p[i];
		bool first = i == 0 || path.p[i - 1] == '/';

		if (first && (c == '.' || c == '/'))
			return false;
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
			    "/",
			    c))
			return false;
	}
	return path.len > 0;
}

static int open_file(const char *dir, struct str name, const char *ending, off_t *ret_size)
{
	char path[4096];
	struct stat sb;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%.*s%s", dir, STR_ARG(name), ending) >=
	    (int)sizeof(path))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && (fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode))) {
		close(fd);
		return -1;
	}
	*ret_size = fd >= 0 ? sb.st_size : 0;
	return fd;
}

static enum MHD_Result text_answer(const struct api *a, struct MHD_Connection *c,
				   unsigned status, const char *text)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result ret;

	if (!r)
		return MHD_NO;
	http_common(a, r);
	MHD_add_response_header(r, "Content-Type", "text/plain; charset=utf-8");
	ret = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return ret;
}

enum MHD_Result static_answer(struct api *a, struct MHD_Connection *c, const char *url,
			      bool head)
{
	struct str name = str_of(url[0] == '/' ? url + 1 : url);
	const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept-Encoding");
	bool asset = str_starts(name, STR("assets/")), packed = false;
	struct MHD_Response *r;
	enum MHD_Result ret;
	off_t size = 0;
	int fd = -1;

	(void)head; /* libmicrohttpd leaves the body out */
	if (!a->conf.ui)
		return text_answer(a, c, 404,
				   "This server has no page; the API is at /api/v1/.\n");
	if (!url[0])
		return text_answer(a, c, 405, "Not in this way.\n");
	/* A path of the page's own ("/incidents/i1") has no ending: the page reads it itself.
	 */
	if (!name.len || str_chr(name, '.', 0) == SIZE_MAX ||
	    (!asset && (!plain(name) || str_chr(name, '/', 0) != SIZE_MAX)))
		name = STR("index.html");
	if (plain(name) && accept && strstr(accept, "gzip"))
		packed = (fd = open_file(a->conf.ui, name, ".gz", &size)) >= 0;
	if (fd < 0 && plain(name))
		fd = open_file(a->conf.ui, name, "", &size);
	if (fd < 0)
		return text_answer(a, c, 404, "There is no such file.\n");
	r = MHD_create_response_from_fd((size_t)size, fd);
	if (!r) {
		close(fd);
		return MHD_NO;
	}
	http_common(a, r);
	MHD_add_response_header(r, "Content-Type", type_of(name));
	MHD_add_response_header(r, "Vary", "Accept-Encoding");
	MHD_add_response_header(r, "Cache-Control",
				asset ? "public, max-age=31536000, immutable" : "no-cache");
	if (packed)
		MHD_add_response_header(r, "Content-Encoding", "gzip");
	ret = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	return ret;
}
