# SPDX-License-Identifier: MIT
# embed.py IN.json OUT.c: a JSON text, made compact, as bytes of a C program.
import json
import sys

text = json.dumps(json.load(open(sys.argv[1], encoding="utf-8")), ensure_ascii=False, separators=(",", ":")).encode()
with open(sys.argv[2], "w", encoding="ascii") as out:
    out.write("#include <stddef.h>\nextern const char tkt__openapi_text[];\nextern const size_t tkt__openapi_bytes;\n")
    out.write("const char tkt__openapi_text[] = {\n")
    for at in range(0, len(text), 24):
        out.write("".join("%d," % (b if b < 128 else b - 256) for b in text[at:at + 24]) + "\n")
    out.write("};\nconst size_t tkt__openapi_bytes = sizeof tkt__openapi_text;\n")
