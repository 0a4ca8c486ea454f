#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The public headers as a machine sees them: names of functions, layout of structs, values of
constants, and the rules that docs/abi.md sets for what may stand in them.

  contract.py names HEADERS              function names, sorted
  contract.py layout HEADERS             a C program that prints or compares sizes, offsets, values
  contract.py lint HEADERS               breaches of the rules; status 1 when there are any
  contract.py map LISTS…                 the linker's map made of symbols-X.Y.txt files
  contract.py check HEADERS MAP SO ARCHIVE LISTS…
                                         headers, lists, map, shared library and archive agree

HEADERS is the folder include/ticketing.
"""
import os
import re
import subprocess
import sys

TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.S)


def bare(text):
    """The text with comments blanked; lines keep their numbers."""
    def blank(match):
        found = match.group(0)
        return re.sub(r"[^\n]", " ", found) if found[0] == "/" else found
    return TOKEN.sub(blank, text)


def headers(folder):
    """name -> text without comments, of every header in the folder, version.h among them."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith((".h", ".h.in")):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                found[name] = bare(file.read())
    return found


def function_names(folder):
    names = []
    for text in headers(folder).values():
        code = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", text, flags=re.M)
        for match in re.finditer(r"\bTKT_API\b([^;{]*)", code):
            called = [n for n in re.findall(r"\b(\w+)\s*\(", match.group(1)) if n != "__attribute__"]
            if not called:
                sys.exit(f"contract.py: no function in: TKT_API {match.group(1).strip()}")
            names.append(called[0])
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        sys.exit(f"contract.py: declared twice: {' '.join(sorted(twice))}")
    return sorted(names)


# ---- layout ----------------------------------------------------------------------------------


def structs(text):
    """(name, [member…]) of every `typedef struct x { … } x;`."""
    for match in re.finditer(r"\btypedef\s+struct\s+\w*\s*\{(.*?)\}\s*(\w+)\s*;", text, re.S):
        body, name = match.groups()
        if "{" in body:
            sys.exit(f"contract.py: {name}: nested struct or union")
        members = []
        for line in body.split(";"):
            line = line.strip()
            if not line:
                continue
            pointer = re.match(r"[^(]*\(\s*\*\s*(\w+)", line)
            if pointer:
                members.append(pointer.group(1))
                continue
            for part in line.split(","):
                members.append(re.findall(r"\w+", re.sub(r"\[[^\]]*\]", "", part))[-1])
        yield name, members


def constants(text):
    """Names of the macros without parameters that stand for a whole number."""
    for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(TKT_\w+)(?!\()[ \t]+(.*)$", text, re.M):
        name, value = match.group(1), match.group(2).strip()
        if value and not re.match(r"[{\"]|__attribute__", value):
            if not name.startswith("TKT_VERSION_"):
                yield name


LAYOUT = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const char *name;
    long long value;
};
static const struct row rows[] = {
%s
};
#define ROWS (sizeof rows / sizeof rows[0])

/* A hole at the end of a struct that may grow: the next member would lie in it, and `size` could not
 * tell who knows that member. */
struct tail {
    const char *name;
    size_t bytes;
};
static const struct tail tails[] = {
%s
};

/* Without an argument prints the table; with a stored table compares. */
int main(int argc, char **argv)
{
    if (argc < 2) {
        for (size_t i = 0; i < ROWS; i++)
            printf("%%s %%lld\n", rows[i].name, rows[i].value);
        return 0;
    }
    FILE *file = fopen(argv[1], "r");
    if (!file) {
        perror(argv[1]);
        return 1;
    }
    static char seen[ROWS];
    char line[256];
    int bad = 0;
    while (fgets(line, sizeof line, file)) {
        char *end = strrchr(line, ' ');
        if (line[0] == '#' || !end)
            continue;
        *end = 0;
        long long was = strtoll(end + 1, NULL, 10);
        size_t i = 0;
        while (i < ROWS && strcmp(rows[i].name, line))
            i++;
        if (i == ROWS) {
            printf("gone: %%s %%lld\n", line, was);
            bad = 1;
        } else {
            seen[i] = 1;
            if (rows[i].value != was) {
                printf("changed: %%s was %%lld, is %%lld\n", line, was, rows[i].value);
                bad = 1;
            }
        }
    }
    fclose(file);
    for (size_t i = 0; i < ROWS; i++) {
        if (!seen[i]) {
            printf("not recorded: %%s %%lld\n", rows[i].name, rows[i].value);
            bad = 1;
        }
    }
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        if (tails[i].bytes) {
            printf("%%s ends with a hole of %%zu bytes: name them reserved\n", tails[i].name,
                   tails[i].bytes);
            bad = 1;
        }
    }
    if (bad)
        printf("docs/abi.md says what may change; tests/abi/update-map.sh records it\n");
    return bad;
}
"""


def layout(folder):
    texts = headers(folder)
    rows, tails = [], []
    for text in texts.values():
        for name, members in structs(text):
            if members[0] == "size":
                last = members[-1]
                tails.append(f'    {{ "{name}", sizeof({name}) - offsetof({name}, {last}) '
                             f'- sizeof((({name} *)0)->{last}) }},')
            rows.append(f'    {{ "size {name}", (long long)sizeof({name}) }},')
            for member in members:
                rows.append(f'    {{ "offset {name}.{member}", '
                            f'(long long)offsetof({name}, {member}) }},')
        for name in constants(text):
            rows.append(f'    {{ "value {name}", (long long)({name}) }},')
    includes = "".join(f"#include <ticketing/{name.removesuffix('.in')}>\n" for name in texts)
    print("/* Made by tests/abi/contract.py. */\n#include <stddef.h>\n" + includes
          + LAYOUT % ("\n".join(rows), "\n".join(tails)))


# ---- rules -----------------------------------------------------------------------------------

FORBIDDEN = [
    (r"\b(enum|bool|_Bool|long|short|time_t|off_t|ssize_t|mode_t|wchar_t|float|__int128|union)\b",
     "its width or shape differs between compilers or hosts"),
    (r"\.\.\.", "variadic functions can't be called from every language"),
    (r"\b(?:int|unsigned)\b", "write int32_t or uint32_t"),
    (r"^\s*(?:u?int\d+_t|unsigned|int)\s+\w*\s*:\s*\d+\s*[;,]", "bit fields have no fixed layout"),
    (r"\bextern\s+(?!\"C\")", "functions are declared with TKT_API, data are not exported"),
    (r"\bstatic\b|\binline\b", "code in a header is frozen into the host"),
]


def lint(folder):
    bad = 0

    def report(name, number, what):
        nonlocal bad
        bad += 1
        print(f"{name}:{number}: {what}")

    for name, text in headers(folder).items():
        depth = 0
        for number, line in enumerate(text.split("\n"), 1):
            code = re.sub(r'"(?:\\.|[^"\\])*"', lambda m: m.group(0) if m.group(0) == '"C"' else '""',
                          line)
            for pattern, why in FORBIDDEN:
                found = re.search(pattern, code)
                if found:
                    report(name, number, f"`{found.group(0).strip()}`: {why}")
            include = re.match(r"\s*#\s*include\s*(\S+)", line)
            if include and not re.fullmatch(r"<(stddef\.h|stdint\.h|ticketing/\w+\.h)>",
                                            include.group(1)):
                report(name, number, f"includes {include.group(1)}")
            define = re.match(r"\s*#\s*define\s+(\w+)", line)
            if define and not re.match(r"TKT_|TICKETING_\w+_H$|TICKETING_H$", define.group(1)):
                report(name, number, f"macro {define.group(1)} lacks the prefix TKT_")
            called = re.match(r"(?!TKT_API|typedef|#)\w[\w\s*]*\b(tkt_\w+)\s*\(", code)
            if called and depth == 0:
                report(name, number, f"{called.group(1)} is declared without TKT_API")
            depth += code.count("{") - code.count("}") if 'extern "C"' not in code else 0
            depth = max(depth, 0)
        for match in re.finditer(r"\}\s*(\w+)\s*;|\btypedef\b[^;{(]*\b(\w+)\s*;", text):
            typedef = match.group(1) or match.group(2)
            if not typedef.startswith("tkt_"):
                report(name, text.count("\n", 0, match.start()) + 1,
                       f"type {typedef} lacks the prefix tkt_")
        for struct, members in structs(text):
            if "size" in members and members[0] != "size":
                report(name, 0, f"{struct}: size is not its first member")
    for called in function_names(folder):
        if not re.match(r"tkt_[a-z]", called):
            report("", 0, f"function {called} lacks the prefix tkt_")
    return bad


# ---- symbols ---------------------------------------------------------------------------------


def read_lists(paths):
    """[(node, [name…])], oldest first; symbols-1.0.txt is the node TICKETING_1.0."""
    lists = []
    for path in paths:
        version = re.search(r"symbols-(\d+)\.(\d+)\.txt$", path)
        with open(path, encoding="ascii") as file:
            names = [line.strip() for line in file if line.strip() and line[0] != "#"]
        lists.append((tuple(map(int, version.groups())), names))
    return [("TICKETING_%d.%d" % version, names) for version, names in sorted(lists)]


def map_text(lists):
    out = ["/* Made by tests/abi/update-map.sh from tests/abi/symbols-*.txt. */"]
    before = ""
    for node, names in lists:
        out.append(f"{node} {{")
        if names:
            out.append("global:")
            out += [f"    {name};" for name in names]
        if not before:
            out += ["local:", "    *;"]
        out.append(f"}}{before};")
        before = f" {node}"
    return "\n".join(out) + "\n"


def symbols(path, dynamic):
    """Defined global symbols as readelf prints them, of any machine's files."""
    run = subprocess.run(["readelf", "-W", "--dyn-syms" if dynamic else "--syms", path],
                         capture_output=True, text=True, check=True)
    found = set()
    for line in run.stdout.splitlines():
        part = line.split()
        if len(part) >= 8 and part[4] in ("GLOBAL", "WEAK", "UNIQUE") and part[6] != "UND":
            found.add(part[7])
    return found


def check(folder, map_path, shared, archive, *list_paths):
    bad = []

    def differ(what, left, left_name, right, right_name):
        for name in sorted(set(left) - set(right)):
            bad.append(f"{what}: {name} is in {left_name}, not in {right_name}")
        for name in sorted(set(right) - set(left)):
            bad.append(f"{what}: {name} is in {right_name}, not in {left_name}")

    lists = read_lists(list_paths)
    declared = function_names(folder)
    listed = [name for _, names in lists for name in names]
    differ("declared", declared, "the headers", listed, "the lists")
    for node, names in lists:
        if names != sorted(set(names)):
            bad.append(f"list of {node}: not sorted, or a name twice")
    with open(map_path, encoding="ascii") as file:
        if file.read() != map_text(lists):
            bad.append("map: lib/ticketing.map is not what the lists make")
    expected = {f"{name}@@{node}" for node, names in lists for name in names}
    exported = {name for name in symbols(shared, True) if not name.startswith("TICKETING_")}
    differ("exported", expected, "the map", exported, "the shared library")
    for name in sorted(symbols(archive, False)):
        if not re.match(r"tkt__?[a-z]", name):
            bad.append(f"archive: global name {name} lacks the prefix tkt__")
        elif not name.startswith("tkt__") and name not in declared:
            bad.append(f"archive: {name} is neither public (TKT_API) nor named tkt__")
    print("\n".join(bad[:60]))
    if bad:
        print(f"{len(bad)} differences; docs/abi.md says what may change, "
              "tests/abi/update-map.sh records it")
    return len(bad)


def main():
    command, *args = sys.argv[1:] or [""]
    if command == "names":
        print("\n".join(function_names(args[0])))
    elif command == "layout":
        layout(args[0])
    elif command == "map":
        sys.stdout.write(map_text(read_lists(args)))
    elif command == "lint":
        sys.exit(1 if lint(args[0]) else 0)
    elif command == "check":
        sys.exit(1 if check(*args) else 0)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
