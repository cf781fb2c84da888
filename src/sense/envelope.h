/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sense/envelope: shippers of logs (Fluent Bit, Vector, Filebeat and the like) put each line
 * into an object of their own, as text: {"date":1,"log":"{\"ts\":…}"}. What is meant is within.
 */
#ifndef SENSE_ENVELOPE_H
#define SENSE_ENVELOPE_H
#include "base/arena.h"
#include "base/json.h"

/*
 * The JSON object in the text `log` or `message` of the object at t, made in mem, when no other
 * member of it says anything of its own; else empty: the object itself is the record.
 */
struct str envelope_within(const struct json *j, uint32_t t, struct arena *mem);

#endif
