/* SPDX-License-Identifier: MIT
 *
 * tests/fuzz/replay.c: runs a target over each file of a folder: the kept corpus as a test.
 *
 *   replay_NAME FOLDER
 */
#include "fuzz.h"

#include <dirent.h>

#define INPUT_MAX (1u << 20)

int main(int argc, char **argv)
{
    static uint8_t bytes[INPUT_MAX];
    char path[4096];
    uint32_t files = 0;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
    MUST(dir != NULL);
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        if (d->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], d->d_name);
        FILE *f = fopen(path, "rb");
        MUST(f != NULL);
        size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        LLVMFuzzerTestOneInput(bytes, n);
        files++;
    }
    closedir(dir);
    printf("%u inputs\n", files);
    return files > 0 ? 0 : 1;
}
