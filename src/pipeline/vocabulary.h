/* vocabulary: the byte strings that many samples have in common. */
#ifndef KURA_PIPELINE_VOCABULARY_H
#define KURA_PIPELINE_VOCABULARY_H

#include "kura/base.h"

/* A string must occur in this many different samples to be vocabulary. Whoever is in so many of
 * them, like a leasing company with a hundred cars, can still get in. With 16 a shop's
 * database would be 0.8 % smaller, with 32 0.6 % larger. */
#define VOCABULARY_SAMPLES 24

/* Appends at most `limit` bytes to `words`: pieces one behind another, the most useful last. Every
 * piece, as a whole, was found in at least VOCABULARY_SAMPLES of the samples. */
MUST_USE enum status vocabulary_collect(struct buffer *words, size_t limit,
                                        const unsigned char *samples, size_t sample_size,
                                        size_t count, struct error *error);

#endif
