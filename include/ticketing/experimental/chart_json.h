/* SPDX-License-Identifier: MIT
 *
 * ticketing/experimental/chart_json.h: the contract of reading chart files, as it is to become part of ticketing/catalog.h. Nothing of it is in the library yet; the
 * header is not installed.
 */
#ifndef TICKETING_EXPERIMENTAL_CHART_JSON_H
#define TICKETING_EXPERIMENTAL_CHART_JSON_H

#include <ticketing/catalog.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads {"venue":…,"sections":[{"name","rows":[{"name","seats":[{"label","x","y","link"?,"attributes"?}]}]}],
 * "ga":[{"name","capacity"}]}; links by pitch when no seat has "link". -TKT_E_PARSE with the byte. */
TKT_API int32_t tkt_chart_parse_json(tkt_chart *chart, const char *text, size_t len);

#ifdef __cplusplus
}
#endif
#endif
