/* SPDX-License-Identifier: Apache-2.0 */
/* main/served: what the API shows beside the store; for serve and run. */
#ifndef MAIN_SERVED_H
#define MAIN_SERVED_H
#include "api/api.h"
#include "main/pipeline.h"

/* The models as a JSON array. */
void served_models(struct buf *b, const struct pipeline *p);
/* Folder of the page's files beside the program, or NULL. Lives as long as c. */
const char *served_ui(struct config *c);

/* The options of page and API; texts live as long as c. */
void served_conf(struct config *c, struct api_conf *ret_api);
/*
 * Where the API answers, as one line for people: its address, and the set-up link while nobody
 * can sign in. tell: a function that prints one line.
 */
void served_tell(const struct api *a, const char *listen, void (*tell)(const char *line));

#endif
