/* SPDX-License-Identifier: MIT
 *
 * pages.c: the web page's files, read once at the start, and QR codes by libqrencode.
 *
 * Only the files named below are given out: no path of a request ever reaches the file system. A browser without a
 * session gets one with the page.
 */
#include "server.h"

#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MOST (1 << 20)
#define POLICY "default-src 'self'; img-src 'self' data:; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
#define QR_QUIET 4 /* modules of margin (ISO/IEC 18004) */

static struct page {
    const char *url, *file, *type;
    char *text;
    size_t n;
} pages[] = {
    { "/", "index.html", "text/html; charset=utf-8", NULL, 0 },
    { "/app.js", "app.js", "text/javascript; charset=utf-8", NULL, 0 },
    { "/hall.js", "hall.js", "text/javascript; charset=utf-8", NULL, 0 },
    { "/buy.js", "buy.js", "text/javascript; charset=utf-8", NULL, 0 },
    { "/search.js", "search.js", "text/javascript; charset=utf-8", NULL, 0 },
    { "/queue.js", "queue.js", "text/javascript; charset=utf-8", NULL, 0 },
    { "/staff.js", "staff.js", "text/javascript; charset=utf-8", NULL, 0 },
    { "/style.css", "style.css", "text/css; charset=utf-8", NULL, 0 },
    { "/favicon.svg", "favicon.svg", "image/svg+xml", NULL, 0 },
};
#define PAGES (sizeof pages / sizeof *pages)

bool pages_begin(const settings *set)
{
    char path[2 * PATH_BYTES];
    for (size_t i = 0; i < PAGES; i++) {
        snprintf(path, sizeof path, "%s/%s", set->web, pages[i].file);
        FILE *file = fopen(path, "rbe");
        pages[i].text = malloc(FILE_MOST);
        if (file == NULL || pages[i].text == NULL) {
            fprintf(stderr, "ticketing-server: there is no %s\n", path);
            return false;
        }
        pages[i].n = fread(pages[i].text, 1, FILE_MOST, file);
        fclose(file);
    }
    return true;
}

/* ---- QR codes -------------------------------------------------------------------------------------------------------------- */

/* /qr/CODE.svg with the 26 characters of a ticket's code, which whoever asks must know already. */
static bool code_of(const char *url, char code[TKT_CODE_TEXT + 1])
{
    uint8_t bytes[TKT_CODE_BYTES];
    if (strncmp(url, "/qr/", 4) != 0 || strlen(url) != 4 + TKT_CODE_TEXT + 4 || strcmp(url + 4 + TKT_CODE_TEXT, ".svg") != 0)
        return false;
    memcpy(code, url + 4, TKT_CODE_TEXT);
    code[TKT_CODE_TEXT] = '\0';
    return tkt_code_parse(code, TKT_CODE_TEXT, bytes) == TKT_DONE;
}

static struct MHD_Response *qr_response(exchange *x, const char *code)
{
    QRcode *qr = QRcode_encodeString(code, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (qr == NULL)
        return NULL;
    int side = qr->width + 2 * QR_QUIET;
    size_t room = 256 + (size_t)qr->width * (size_t)qr->width * 24, n;
    char *svg = malloc(room);
    if (svg == NULL) {
        QRcode_free(qr);
        return NULL;
    }
    n = (size_t)snprintf(svg, room, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\">"
                                    "<path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path d=\"", side, side, side, side);
    for (int row = 0; row < qr->width; row++)
        for (int column = 0; column < qr->width; column++)
            if (qr->data[row * qr->width + column] & 1)
                n += (size_t)snprintf(svg + n, room - n, "M%d %dh1v1h-1z", column + QR_QUIET, row + QR_QUIET);
    n += (size_t)snprintf(svg + n, room - n, "\"/></svg>");
    QRcode_free(qr);
    struct MHD_Response *response = MHD_create_response_from_buffer(n, svg, MHD_RESPMEM_MUST_FREE);
    if (response != NULL) {
        x->sent = n;
        MHD_add_response_header(response, "Content-Type", "image/svg+xml");
        MHD_add_response_header(response, "Cache-Control", "private, max-age=86400");
    }
    return response;
}

/* ---- pages ------------------------------------------------------------------------------------------------------------------ */

static struct MHD_Response *page_response(exchange *x, const struct page *p)
{
    char cookie[128], session[SESSION_TEXT + 1];
    struct MHD_Response *response = MHD_create_response_from_buffer(p->n, p->text, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return NULL;
    x->sent = p->n;
    MHD_add_response_header(response, "Content-Type", p->type);
    MHD_add_response_header(response, "Content-Security-Policy", POLICY);
    MHD_add_response_header(response, "Referrer-Policy", "same-origin");
    MHD_add_response_header(response, "Cache-Control", p == pages ? "no-store" : "public, max-age=60");
    if (p == pages && x->session[0] == '\0' && session_new(session)) {
        snprintf(cookie, sizeof cookie, COOKIE "=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000", session);
        MHD_add_response_header(response, "Set-Cookie", cookie);
    }
    return response;
}

struct MHD_Response *page_for(exchange *x, const char *url, unsigned *status)
{
    char code[TKT_CODE_TEXT + 1];
    *status = 200;
    if (code_of(url, code))
        return qr_response(x, code);
    for (size_t i = 0; i < PAGES; i++)
        if (strcmp(url, pages[i].url) == 0)
            return page_response(x, &pages[i]);
    return NULL;
}
