/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QR codes in pictures. A picture states its size before it is decoded; what would go over the
 * pixels left for the message is not decoded at all, so a small file cannot fill memory.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <png.h>
#include <zbar.h>

#include "parse/mail/mail.h"

#define SIDE_MIN       21 /* modules of the smallest QR code */
#define JPEG_SCANS_MAX 64 /* a progressive file may ask for any number */

struct grey {
	uint8_t *p;
	unsigned w, h;
};

static bool fits(struct mail *m, uint64_t w, uint64_t h)
{
	if (w < SIDE_MIN || h < SIDE_MIN || w > MAIL_PIXELS_MAX || h > MAIL_PIXELS_MAX ||
	    w * h > m->pixels_left)
		return false;
	m->pixels_left -= w * h;
	return true;
}

static bool decode_png(struct mail *m, struct str s, struct grey *g)
{
	png_image img = {.version = PNG_IMAGE_VERSION};
	png_color white = {255, 255, 255};

	if (!png_image_begin_read_from_memory(&img, s.p, s.len))
		return false;
	if (!fits(m, img.width, img.height)) {
		png_image_free(&img);
		return false;
	}
	img.format = PNG_FORMAT_GRAY;
	g->w = img.width;
	g->h = img.height;
	g->p = malloc((size_t)g->w * g->h);
	if (!g->p || !png_image_finish_read(&img, &white, g->p, (png_int_32)g->w, NULL)) {
		png_image_free(&img);
		return false;
	}
	return true;
}

struct jpeg_bail {
	struct jpeg_error_mgr err;
	struct jpeg_progress_mgr progress;
	jmp_buf at;
};

static void jpeg_fail(j_common_ptr c)
{
	struct jpeg_bail *b = (struct jpeg_bail *)c->err;

	longjmp(b->at, 1);
}

static void jpeg_quiet(j_common_ptr c UNUSED, int level UNUSED)
{
}

static void jpeg_progress(j_common_ptr c)
{
	if (((j_decompress_ptr)c)->input_scan_number > JPEG_SCANS_MAX)
		jpeg_fail(c);
}

static bool decode_jpeg(struct mail *m, struct str s, struct grey *g)
{
	struct jpeg_decompress_struct c = {0};
	struct jpeg_bail bail = {0};

	c.err = jpeg_std_error(&bail.err);
	bail.err.error_exit = jpeg_fail;
	bail.err.emit_message = jpeg_quiet;
	if (setjmp(bail.at)) {
		jpeg_destroy_decompress(&c);
		return false;
	}
	jpeg_create_decompress(&c);
	bail.progress.progress_monitor = jpeg_progress;
	c.progress = &bail.progress;
	jpeg_mem_src(&c, (const unsigned char *)s.p, s.len);
	if (jpeg_read_header(&c, TRUE) != JPEG_HEADER_OK ||
	    !fits(m, c.image_width, c.image_height)) {
		jpeg_destroy_decompress(&c);
		return false;
	}
	c.out_color_space = JCS_GRAYSCALE;
	jpeg_start_decompress(&c);
	g->w = c.output_width;
	g->h = c.output_height;
	g->p = malloc((size_t)g->w * g->h);
	while (g->p && c.output_scanline < c.output_height) {
		JSAMPROW row = g->p + (size_t)c.output_scanline * g->w;

		jpeg_read_scanlines(&c, &row, 1);
	}
	jpeg_destroy_decompress(&c);
	return g->p != NULL;
}

static void scan(struct mail *m, const struct grey *g)
{
	zbar_image_scanner_t *sc = zbar_image_scanner_create();
	zbar_image_t *img = zbar_image_create();
	const zbar_symbol_t *sym;

	zbar_image_scanner_set_config(sc, 0, ZBAR_CFG_ENABLE, 0);
	zbar_image_scanner_set_config(sc, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
	zbar_image_set_format(img, zbar_fourcc('Y', '8', '0', '0'));
	zbar_image_set_size(img, g->w, g->h);
	zbar_image_set_data(img, g->p, (unsigned long)g->w * g->h, NULL);
	if (zbar_scan_image(sc, img) > 0)
		for (sym = zbar_image_first_symbol(img); sym; sym = zbar_symbol_next(sym)) {
			struct str text = str_n(zbar_symbol_get_data(sym),
						zbar_symbol_get_data_length(sym));

			if (mail_link(m, text))
				mail_list_add(m, &m->qr_urls, text, 2048);
		}
	zbar_image_destroy(img);
	zbar_image_scanner_destroy(sc);
}

void mail_qr(struct mail *m, struct str image)
{
	struct grey g = {NULL, 0, 0};
	bool ok = false;

	if (m->images_left == 0 || image.len > MAIL_IMAGE_BYTES)
		return;
	if (str_starts(image, STR("\x89PNG\r\n\x1a\n")))
		ok = decode_png(m, image, &g);
	else if (str_starts(image, STR("\xff\xd8\xff")))
		ok = decode_jpeg(m, image, &g);
	else
		return;
	m->images_left--;
	if (ok)
		scan(m, &g);
	free(g.p);
}
