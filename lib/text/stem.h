/* SPDX-License-Identifier: MIT
 *
 * text/stem.h: stems by Snowball (libstemmer), where it was built in. Numbers of languages lie on disk
 * and are never reused.
 */
#ifndef TKT_TEXT_STEM_H
#define TKT_TEXT_STEM_H

#include "text/analyse.h"

/* The number of a language by its ISO 639 code or English name, with or without a region ("en", "fr-CA",
 * "German"); 0: none that can be stemmed here. */
uint8_t tkt__stem_language(const char *name, size_t n);

typedef struct tkt__stemmer tkt__stemmer;
/* One thread at a time. -TKT_E_NOMEM. */
int32_t tkt__stemmer_open(uint8_t language, tkt__stemmer **stemmer);
void tkt__stemmer_close(tkt__stemmer *stemmer); /* NULL is fine */
/* The stem of a folded word, at most TKT__WORD_MAX bytes; lives until the next call. */
tkt__slice tkt__stem(tkt__stemmer *stemmer, const uint8_t *p, size_t n);

#endif
