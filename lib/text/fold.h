/* SPDX-License-Identifier: MIT
 *
 * text/fold.h: the fold under which names are equal: NFKD, case folded, marks stripped, white space
 * runs made one space and trimmed. Rule by utf8proc; letters without decomposition stay.
 */
#ifndef TKT_TEXT_FOLD_H
#define TKT_TEXT_FOLD_H

#include "base/base.h"

/* Folds valid UTF-8 into buf; ASCII takes a fast path. *n gets the bytes written. -TKT_E_LIMIT when cap
 * is too small (3 × len + 64 always suffices… see fold.c for the proof), -TKT_E_INVALID on bad UTF-8. */
int32_t tkt__text_fold(const char *ptr, size_t len, uint8_t *buf, size_t cap, size_t *n);

#endif
