#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compile and run the C code in the documents. Usage: docs.py BUILD

A ```c block has a line <!-- run: NAME --> or <!-- compile: NAME --> before it. Programs that run get
no arguments and have 20 s; they must end with status 0."""
import glob
import os
import re
import subprocess
import sys
import tempfile

build = sys.argv[1]
failures = 0
count = 0
declared = set()
for header in glob.glob("include/gdws/*.h"):
    declared |= set(re.findall(r"\bgdws_[a-z0-9_]+", open(header).read()))


def fail(text):
    global failures
    failures += 1
    print("FAIL", text)


def flags(*words):
    return subprocess.check_output(["pkg-config", *words], text=True).split()


libraries = flags("--libs", "libwebsockets", "libuv", "libssl", "libcrypto", "zlib", "libcjson") + ["-lpthread"]


def try_block(kind, name, code, place):
    source = os.path.join(place, name + ".c")
    program = os.path.join(place, name)
    with open(source, "w") as file:
        file.write(code)
    command = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Iinclude", source]
    command += [build + "/libgdws.a", *libraries, "-o", program]
    if subprocess.run(command).returncode != 0:
        return fail(f"{name} does not compile")
    if kind == "run" and subprocess.run([program], timeout=20).returncode != 0:
        fail(f"{name} does not run")


with tempfile.TemporaryDirectory() as place:
    for document in ["README.md", *sorted(glob.glob("doc/*.md"))]:
        text = open(document).read()
        blocks = re.findall(r"(?:<!-- (run|compile): (\w+) -->\n)?```c\n(.*?)```", text, re.S)
        for kind, name, code in blocks:
            count += 1
            if not kind:
                fail(f"{document}: a block of C without a mark")
            else:
                try_block(kind, name, code, place)
        for name in sorted(set(re.findall(r"\bgdws_[a-z0-9_]*[a-z0-9]\b(?![_*/.])", text)) - declared):
            fail(f"{document}: {name} is not in the headers")
print(f"{count} blocks of code")
sys.exit(1 if failures else 0)
