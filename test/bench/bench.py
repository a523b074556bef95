#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The benchmark. Usage: bench.py BUILD

Each row runs BENCH_ROUNDS times (5) for BENCH_MS (1000), the servers in turn, and shows medians.
Costs are CPU time of the server by the kernel's accounting; a ratio is gdws / libwebsockets.
BENCH_ROWS=text picks rows, BENCH_JSON=file writes all results, BENCH_PLOT=0 leaves out the plot.
"""
import json
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

BUILD = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
MS = int(os.environ.get("BENCH_MS", "1000"))
ROWS = os.environ.get("BENCH_ROWS", "")

PLACE = tempfile.TemporaryDirectory()
GDWS = [f"{BUILD}/bench/gdws_echo"]
LWS = [f"{BUILD}/bench/lws_echo"]
BARE = [f"{BUILD}/bench/bare_echo"]

# name, arguments of load, arguments of the server, limit of the ratio
ECHO = [
    ("100 peers, 20 B, 16 in flight", "--active 100 --in-flight 16", [], 0.10),
    ("100 peers, 20 B, 1 in flight", "--active 100", [], 0.95),
    ("10 peers, 16 KiB, 1 in flight", "--active 10 --size 16384", [], 0.85),
    ("10 peers, 1 MiB, 1 in flight", "--active 10 --size 1048576", [], 0.95),
    ("1 peer, 20 B", "--active 1", [], None),
    ("1 peer, 20 B, 9999 idle", "--active 1 --idle 9999", [], 0.02),
    ("10000 peers, 20 B, 1 in flight", "--active 10000", [], None),
    ("100 peers, 20 B, 1 sends 64 MiB", "--active 101 --heavy 1 --heavy-size 67108864", [], None),
    ("broadcast, 100 B, 1000 peers, one", "--active 1000 --size 100 --broadcast", ["broadcast"],
     0.60),
    ("broadcast, 100 B, 1000 peers, 16", "--active 1000 --size 100 --broadcast --in-flight 16",
     ["broadcast"], 0.60),
]
SECURE = [
    ("wss, 100 peers, 20 B, 16 in flight", "--active 100 --in-flight 16", 0.20),
    ("wss, 100 peers, 20 B, 1 in flight", "--active 100", None),
    ("wss, 10 peers, 16 KiB, 1 in flight", "--active 10 --size 16384", None),
    ("wss, 10 peers, 1 MiB, 1 in flight", "--active 10 --size 1048576", None),
    ("wss, 1000 peers, 999 idle", "--active 1 --idle 999", None),
]
CLIENTS = [
    ("100 clients, 20 B, 16 in flight", "100 20 16", 0.12),
    ("100 clients, 20 B, 1 in flight", "100 20 1", None),
    ("10 clients, 16 KiB, 1 in flight", "10 16384 1", None),
    ("10 clients, 1 MiB, 1 in flight", "10 1048576 1", None),
]


class Server:
    """A server process that has said where it listens."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.inspector = None
        line = self.process.stdout.readline()
        while line and "listening on" not in line:
            if line.startswith("inspector: "):
                self.inspector = line.split()[-1]
            line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{command[0]} does not listen")
        self.port = int(line.split()[-1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Page:
    """A page of the inspector that reads nothing, or one that reads all and says so."""

    def __init__(self, url, reads):
        host, path = url[len("http://"):].split("/", 1)
        name, port = host.split(":")
        self.socket = socket.create_connection((name, int(port)))
        self.socket.sendall(f"GET /{path}socket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        while self.file.readline().strip():
            pass
        if reads:
            threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while True:
                _, length = self.file.read(2)
                if length > 125:
                    size = 2 if length == 126 else 8
                    length = int.from_bytes(self.file.read(size), "big")
                found = re.match(rb'{"update":(\d+)', self.file.read(length))
                if found:
                    text = b'{"do":"seen","update":%s}' % found[1]
                    self.socket.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
        except (OSError, ValueError):
            pass


def inspected(arguments, reads=None):
    """Load on a server that is watched: by no page, or by one."""
    with Server(GDWS + ["inspected"]) as server:
        page = Page(server.inspector, reads) if reads is not None else None
        time.sleep(0.5)  # a page that does not read is told two updates, then nothing more
        result = load(None, arguments, server=server)
        if page:
            page.socket.close()
    return result


def load(command, arguments, ms=MS, server=None):
    with server or Server(command) as server:
        answer = subprocess.run(
            [f"{BUILD}/bench/load", "--port", str(server.port), "--pid", str(server.process.pid),
             "--ms", str(ms), *arguments.split()],
            capture_output=True, text=True, timeout=300)
    if answer.returncode != 0:
        raise RuntimeError(f"{command} {arguments}: {answer.stderr.strip()}")
    return json.loads(answer.stdout)


def client(program, arguments):
    with Server(GDWS) as server:
        answer = subprocess.run([f"{BUILD}/bench/{program}", str(server.port), *arguments.split(),
                                 str(MS)], capture_output=True, text=True, timeout=300)
    if answer.returncode != 0:
        raise RuntimeError(f"{program} {arguments}: {answer.stderr.strip()}")
    return json.loads(answer.stdout)


def median(results):
    return {key: statistics.median(r[key] for r in results) for key in results[0]}


def alternate(runs):
    """Run each of the functions ROUNDS times in turn; give the median of each."""
    results = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            results[name].append(run())
    return {name: median(each) for name, each in results.items()}


def show(name, row):
    text = f"{name:34} {row['cpu_us']:10.2f} µs {row['per_second']:11,.0f}/s"
    if "p50_us" in row:
        text += f" {row['p50_us']:9.0f} {row['p99_us']:9.0f} µs {row['rss_bytes']:9,.0f} B"
    print(text, flush=True)


def table(title, rows, results):
    print(f"\n## {title}", flush=True)
    print(f"{'':34} {'CPU/message':>13} {'messages':>13} {'p50':>9} {'p99':>12} {'RSS/peer':>11}")
    for name, runs, limit in rows:
        if ROWS not in name:
            continue
        medians = alternate(runs)
        print(name)
        for who, row in medians.items():
            show("  " + who, row)
        if "libwebsockets" in medians:
            ratio = medians["gdws"]["cpu_us"] / medians["libwebsockets"]["cpu_us"]
            verdict = "" if limit is None else f", at most {limit}: {'yes' if ratio <= limit else 'NO'}"
            print(f"  ratio {ratio:.4f}{verdict}", flush=True)
            medians["ratio"] = ratio
        if "bare sockets" in medians:
            least = medians["bare sockets"]["cpu_us"] / medians["libwebsockets"]["cpu_us"]
            print(f"  bare sockets / libwebsockets {least:.4f}: no server can be below that", flush=True)
        results[name] = medians


def echo_rows():
    for name, arguments, extra, limit in ECHO:
        yield name, {"gdws": lambda a=arguments, e=extra: load(GDWS + e, a),
                     "libwebsockets": lambda a=arguments, e=extra: load(LWS + e, a),
                     "bare sockets": lambda a=arguments, e=extra: load(BARE + e, a)}, limit


def secure_rows():
    place = PLACE.name
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-keyout", f"{place}/key.pem", "-out", f"{place}/cert.pem"],
                   stderr=subprocess.DEVNULL, check=True)
    tls = ["tls", f"{place}/key.pem", f"{place}/cert.pem"]
    for name, arguments, limit in SECURE:
        yield name, {"gdws": lambda a=arguments: load(GDWS + tls, a + " --tls"),
                     "libwebsockets": lambda a=arguments: load(LWS + tls, a + " --tls")}, limit


def client_rows():
    for name, arguments, limit in CLIENTS:
        yield name, {"gdws": lambda a=arguments: client("gdws_clients", a),
                     "libwebsockets": lambda a=arguments: client("lws_clients", a)}, limit


def inspector_rows():
    for name, arguments, _, _ in ECHO[:3]:
        yield name + ", inspector", {
            "none": lambda a=arguments: load(GDWS, a),
            "no page": lambda a=arguments: inspected(a),
            "a stalled page": lambda a=arguments: inspected(a, False),
            "a page": lambda a=arguments: inspected(a, True)}, None


def memory_rows():
    for name, extra in (("10000 idle peers", []), ("10000 idle peers, read size 1024", ["read", "1024"])):
        yield name, {"gdws": lambda e=extra: load(GDWS + e, "--active 1 --idle 9999", 200)}, None


def others():
    """Servers that are installed here, by name."""
    found = {}
    node = shutil.which("node")
    if node and subprocess.run([node, "-e", "require('ws')"], cwd=HERE, stderr=subprocess.DEVNULL,
                               check=False).returncode == 0:
        found["node ws"] = [node, f"{HERE}/node_echo.js"]
    if subprocess.run(["/usr/bin/python3", "-c", "import websockets"], stderr=subprocess.DEVNULL,
                      check=False).returncode == 0:
        found["python websockets"] = ["/usr/bin/python3", f"{HERE}/python_echo.py"]
    if shutil.which("godot3-server"):
        # Godot writes its logs into the project's folder.
        shutil.copy(f"{HERE}/godot_echo.gd", PLACE.name)
        found["Godot 3"] = ["godot3-server", "--path", PLACE.name, "-s", "godot_echo.gd"]
    for pair in filter(None, os.environ.get("BENCH_OTHERS", "").split(",")):
        name, command = pair.split("=", 1)
        found[name] = command.split()
    for name in ("node ws", "python websockets", "Godot 3"):
        if name not in found:
            print(f"skipped: {name} is not installed")
    return found


def other_rows():
    found = others()
    for name, arguments, _, _ in ECHO[:4]:
        yield name + ", others", {
            who: lambda c=command, a=arguments: load(c, a)
            for who, command in {"gdws": GDWS, **found}.items()}, None


def idle(results):
    print("\n## Idle peers")
    for peers, wait_ms, limit in ((10000, 100, 3.0), (1000, 10000, 3.0)):
        answer = json.loads(subprocess.run([f"{BUILD}/bench/idle", str(peers), str(wait_ms)],
                                           capture_output=True, text=True, check=True).stdout)
        verdict = "yes" if answer["poll_us"] <= limit else "NO"
        print(f"{peers} idle peers: a poll costs {answer['poll_us']:.2f} µs, at most {limit}: {verdict};"
              f" a wait of {wait_ms} ms is woken {answer['woken']} times")
        results[f"idle {peers}"] = answer


def derived(results):
    def cost(name, key="cpu_us"):
        return results[name]["gdws"][key]

    print("\n## gdws against itself")
    for name in (f"{row[0]}, inspector" for row in ECHO[:3]):
        if name in results:
            for who, limit in (("no page", 1.05), ("a stalled page", 1.1)):
                ratio = results[name][who]["cpu_us"] / results[name]["none"]["cpu_us"]
                print(f"{name}: {who} / none, CPU {ratio:7.3f}, at most {limit}: {'yes' if ratio <= limit else 'NO'}")
    pairs = [
        ("9999 idle peers / none, CPU", "1 peer, 20 B, 9999 idle", "1 peer, 20 B", "cpu_us", 1.3),
        ("9999 idle peers / none, p99", "1 peer, 20 B, 9999 idle", "1 peer, 20 B", "p99_us", 1.5),
        ("10000 active / 100 active, CPU", "10000 peers, 20 B, 1 in flight",
         "100 peers, 20 B, 1 in flight", "cpu_us", 1.5),
        ("with a peer that sends 64 MiB / without, p99", "100 peers, 20 B, 1 sends 64 MiB",
         "100 peers, 20 B, 1 in flight", "p99_us", 5),
    ]
    for name, above, below, key, limit in pairs:
        if above in results and below in results:
            ratio = cost(above, key) / cost(below, key)
            print(f"{name:46} {ratio:7.3f}, at most {limit}: {'yes' if ratio <= limit else 'NO'}")
            results[name] = ratio


def plot(results):
    """Cost per message against the number of idle and of active peers."""
    if not shutil.which("gnuplot"):
        print("skipped: the plot (gnuplot is not installed)")
        return
    lines = []
    for count in (1, 10, 100, 1000, 10000):
        row = [count]
        for command in (GDWS, LWS):
            for arguments in (f"--active 1 --idle {count - 1}", f"--active {count}"):
                row.append(load(command, arguments, 500)["cpu_us"])
        lines.append(" ".join(str(value) for value in row))
    data, picture = f"{BUILD}/bench/cost.dat", f"{BUILD}/bench/cost.svg"
    with open(data, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    subprocess.run(["gnuplot", "-e", f"data='{data}'; picture='{picture}'", f"{HERE}/cost.gp"], check=True)
    results["plot"] = lines
    print(f"plot: {picture}")


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results = {}
    start = time.time()
    print(f"medians of {ROUNDS} runs of {MS} ms; CPU time of the server per message, of the clients in their table")
    table("Servers", echo_rows(), results)
    table("Clients", client_rows(), results)
    table("Servers with TLS", secure_rows(), results)
    table("Watched by an inspector", inspector_rows(), results)
    table("Memory", memory_rows(), results)
    table("Other servers", other_rows(), results)
    derived(results)
    idle(results)
    if os.environ.get("BENCH_PLOT", "1") == "1" and not ROWS:
        plot(results)
    if "BENCH_JSON" in os.environ:
        with open(os.environ["BENCH_JSON"], "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    print(f"{time.time() - start:.0f} s")


main()
