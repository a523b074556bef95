#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compile and run the C code in the documents. Usage: docs.py BUILD

A ```c block has a line <!-- run: NAME --> or <!-- compile: NAME --> before it, or <!-- compile: NAME,
with PACKAGE --> when it needs another library, without which it is skipped. Programs that run get no
arguments and have 20 s; they must end with status 0."""
import glob
import os
import re
import subprocess
import sys
import tempfile

build = sys.argv[1]
failures = 0
passed = 0
skipped = 0
declared = set()
for header in glob.glob("include/gdws/**/*.h", recursive=True):
    declared |= set(re.findall(r"\bgdws_[a-z0-9_]+", open(header).read()))


def fail(text):
    global failures
    failures += 1
    print("FAIL", text)


def flags(*words):
    return subprocess.check_output(["pkg-config", *words], text=True).split()


libraries = flags("--libs", "libwebsockets", "libuv", "libssl", "libcrypto", "zlib", "libcjson") + ["-lpthread"]


def find_package(package):
    """The flags for a library, None where it is not installed. libev has no .pc file in Debian."""
    if package == "":
        return []
    if package == "libev":
        probe = subprocess.run(["cc", "-E", "-"], input="#include <ev.h>\n", text=True, capture_output=True)
        return ["-lev"] if probe.returncode == 0 else None
    if subprocess.run(["pkg-config", "--exists", package]).returncode != 0:
        return None
    return flags("--cflags", "--libs", package)


def try_block(kind, name, package, code, place):
    global passed, skipped
    more = find_package(package)
    if more is None and os.environ.get("INTEROP_REQUIRE", "0") != "1":
        skipped += 1
        return print(f"skipped: {name}, {package} is not installed")
    if more is None:
        return fail(f"{name}: {package} is not installed")
    source = os.path.join(place, name + ".c")
    program = os.path.join(place, name)
    with open(source, "w") as file:
        file.write(code)
    standard = "-std=gnu11" if package == "libuv" else "-std=c11"  # uv.h is not strict
    command = ["cc", standard, "-Wall", "-Wextra", "-Werror", "-Iinclude", source]
    command += [build + "/libgdws.a", *more, *libraries, "-o", program]
    if subprocess.run(command).returncode != 0:
        return fail(f"{name} does not compile")
    if kind == "run" and subprocess.run([program], timeout=20).returncode != 0:
        return fail(f"{name} does not run")
    passed += 1


with tempfile.TemporaryDirectory() as place:
    for document in ["README.md", *sorted(glob.glob("doc/*.md"))]:
        text = open(document).read()
        blocks = re.findall(r"(?:<!-- (run|compile): (\w+)(?:, with ([\w.-]+))? -->\n)?```c\n(.*?)```", text, re.S)
        for kind, name, package, code in blocks:
            if not kind:
                fail(f"{document}: a block of C without a mark")
            else:
                try_block(kind, name, package, code, place)
        for name in sorted(set(re.findall(r"\bgdws_[a-z0-9_]*[a-z0-9]\b(?![_*/.])", text)) - declared):
            fail(f"{document}: {name} is not in the headers")
print(f"{passed} passed, {failures} failed, {skipped} skipped")
sys.exit(1 if failures else 0)
