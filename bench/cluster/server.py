# SPDX-License-Identifier: Apache-2.0
"""A private API server (tests/controlplane), and a client of it that does nothing but exchange bytes."""
import json
import os
import pathlib
import queue
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLAGS = "/apis/ripcord.dev/v1alpha1/namespaces/{}/featureflags"


class Unavailable(Exception):
    """This machine cannot run the benchmark; the text says why."""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def samples(text):
    """The series of a /metrics page: [(name, labels as text, value)]."""
    found = re.findall(r"^(\w+)(\{.*\})? (\S+)$", text, re.M)
    return [(name, labels, float(value)) for name, labels, value in found]


class Connection:
    """One kept connection, one exchange at a time."""

    def __init__(self, port, ca=None, token=""):
        plain = socket.create_connection(("127.0.0.1", port), timeout=120)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ca:
            plain = ssl.create_default_context(cafile=ca).wrap_socket(plain, server_hostname="127.0.0.1")
        self.socket = plain
        self.file = plain.makefile("rb", 1 << 16)
        self.head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\n"

    def send(self, method, path, body=b"", kind="application/json"):
        head = f"{method} {path} HTTP/1.1\r\n{self.head}"
        if body:
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        self.socket.sendall(head.encode() + b"\r\n" + body)
        status = int(self.file.readline().split()[1])
        length = None
        while (line := self.file.readline()) != b"\r\n":
            if line[:15].lower() == b"content-length:":
                length = int(line[15:])
        return status, length

    def chunks(self):
        while size := int(self.file.readline(), 16):
            yield self.file.read(size)
            self.file.readline()
        self.file.readline()

    def exchange(self, method, path, body=b"", kind="application/json"):
        status, length = self.send(method, path, body, kind)
        answer = b"".join(self.chunks()) if length is None else self.file.read(length)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {answer[:300].decode()}")
        return answer

    def ask(self, method, path, value=None, kind="application/json"):
        return json.loads(self.exchange(method, path, b"" if value is None else json.dumps(value).encode(), kind))

    def close(self):
        self.file.close()
        self.socket.close()


class Server:
    def __init__(self):
        if "KUBEBUILDER_ASSETS" in os.environ:
            raise Unavailable("KUBEBUILDER_ASSETS is set; this benchmark needs what tests/controlplane/build makes")
        built = subprocess.run([ROOT / "tests/controlplane/build"], stdout=subprocess.PIPE, text=True)
        if built.returncode != 0:
            raise Unavailable("no control plane: tests/controlplane/build failed, see above")
        self.programs = built.stdout.strip()
        self.folder = tempfile.TemporaryDirectory(prefix="bench-cluster-")
        self.data = self.folder.name
        self.log = open(self.data + "/log", "wb")
        self.process = subprocess.Popen([self.programs + "/controlplane", "--data", self.data], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            raise RuntimeError("the control plane did not start: " + open(self.data + "/log").read()[-2000:])
        self.kubeconfig = line.split()[1]
        self.port = int(re.search(r"https://127\.0\.0\.1:(\d+)", open(self.kubeconfig).read()).group(1))

    @property
    def admin(self):
        return self.connect()  # a new one each time: the server closes those that are idle for long

    def connect(self):
        return Connection(self.port, self.data + "/ca.crt", "admin-token")

    def kubectl(self, *args):
        subprocess.run([self.programs + "/kubectl", *args], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "KUBECONFIG": self.kubeconfig, "KUBECACHEDIR": self.data + "/cache", "KUBERC": "off"})

    def in_parallel(self, jobs, connections):
        """Seconds that (method, path, body) took on so many connections; what was answered, in order."""
        answers = [None] * len(jobs)
        numbers = iter(range(len(jobs)))
        lines = [self.connect() for _ in range(connections)]
        lock = threading.Lock()

        def work(line):
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                answers[number] = line.exchange(*jobs[number])

        threads = [threading.Thread(target=work, args=(line,)) for line in lines]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - start
        for line in lines:
            line.close()
        if None in answers:
            raise RuntimeError("a writer of the floor failed, see above")
        return took, answers

    def requests(self, verbs, groups=("ripcord.dev", "events.k8s.io")):
        """How many requests of these verbs the server counted, for these API groups."""
        total = 0
        for name, labels, value in samples(self.admin.exchange("GET", "/metrics").decode()):
            if name == "apiserver_request_total" and any(f'verb="{v}"' in labels for v in verbs) and any(
                    f'group="{g}"' in labels for g in groups):
                total += value
        return int(total)

    def writes(self):
        return self.requests(("POST", "PUT", "PATCH", "APPLY", "DELETE"))

    def stop(self):
        self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()
        self.folder.cleanup()


class Watch:
    """What a plain client sees of a namespace: (when, object) in a queue."""

    def __init__(self, server, namespace):
        self.line = server.connect()
        self.seen = queue.Queue()
        version = json.loads(server.admin.exchange("GET", FLAGS.format(namespace) + "?limit=1"))["metadata"]["resourceVersion"]
        status, _ = self.line.send("GET", FLAGS.format(namespace) + f"?watch=1&resourceVersion={version}")
        assert status == 200
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        rest = b""
        try:
            for chunk in self.line.chunks():
                now = time.monotonic()
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self.seen.put((now, json.loads(line)["object"]))
        except (OSError, ValueError):
            return  # the server stopped

    def until(self, wanted, seconds=60):
        """When an object came for which `wanted` is true."""
        end = time.monotonic() + seconds
        while True:
            when, seen = self.seen.get(timeout=max(0.001, end - time.monotonic()))
            if wanted(seen):
                return when
