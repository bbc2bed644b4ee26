"""A proxy between an API client and a Kubernetes API server that does to the traffic what the rules say.

Usage: fault_proxy.py SERVER CA_FILE. SERVER is https://host:port; the credentials of a request are passed on as they come.
Listens in plain HTTP on a free loopback port and prints it. Watches are passed on frame by frame.

Its own paths:
  POST /~rule     a JSON rule; answers its number. The first rule that matches a request is applied, see below.
  DELETE /~rule/N and /~rules
  GET /~log       a line a request: start, end, rule, status, method, path, user agent, separated by tabs. Times are seconds of
                  CLOCK_MONOTONIC; the end is "-" while a request is under way. The status is 0 when nothing was answered.
  POST /~cut      ends every stream that is open, as a server that goes does
  POST /~freeze   nothing passes any more on the connections that are open now, and none of them is closed, as when the peer's
                  machine or a table of addresses between went without a word; new connections are as before
  POST /~record   a JSON object: path, of a collection, and token; keeps what the server lists there, answers its number

Rule: method, path, agent (regular expressions; whole method, else anywhere), skip (so many matches first), times (so many
matches; default all), and what to do:
  status, retry_after      answer this without asking the server
  delay                    seconds before the request is passed on
  delay_answer             seconds after the server answered and before the client hears of it
  park                     passed on when the rule is gone, whether the client still waits or not
  replay                   the record of this number is all that lists and watches show, until the rule is gone; then their
                           streams end
  swallow                  "request": never passed on; "answer": passed on, the answer never given. Until the client gives up
  kill, when               SIGKILL this process, "before" the request is passed on or "after" the server answered
  cut                      the connection breaks after so many bytes of the body
  piece                    the body is sent in pieces of so many bytes
  hold                     each frame of a stream comes so many seconds late
  drop, frames             so many next frames of a stream that name this object do not come
  cut_step                 the same, after so many bytes more at each match
  only_token               of anybody: bearer tokens but the last two of such rules are refused with 401
  no_end                   the bookmark that ends a streaming list does not come
"""
import http.client
import http.server
import json
import os
import queue
import re
import select
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.parse

SERVER = urllib.parse.urlsplit(sys.argv[1])
TLS = ssl.create_default_context(cafile=sys.argv[2])
TLS.check_hostname = False
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}

lock = threading.Lock()
rules = {}
log = []
records = []
streams = set()
connections = set()
counter = [0]


def now():
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def matching(method, path, agent):
    with lock:
        for number, rule in sorted(rules.items()):
            if not (re.fullmatch(rule.get("method", ".*"), method) and re.search(rule.get("path", ""), path)
                    and re.search(rule.get("agent", ""), agent)):
                continue
            if "only_token" in rule or "drop" in rule:
                continue
            rule["seen"] = rule.get("seen", 0) + 1
            if "cut_step" in rule:
                rule["cut"] = rule["cut_step"] * rule["seen"]
            if rule["seen"] <= rule.get("skip", 0):
                continue
            if "times" in rule and rule["seen"] > rule.get("skip", 0) + rule["times"]:
                continue
            return number, dict(rule, origin=rule)
    return 0, {}


def token_is_refused(authorization):
    with lock:
        accepted = [rule["only_token"] for rule in rules.values() if "only_token" in rule][-2:]
    return bool(accepted) and authorization not in ["Bearer " + token for token in accepted]


class Broken(Exception):
    """The client's connection is to end without a further byte."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = None
    of_test = False
    frozen = False

    def setup(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()
        with lock:
            connections.add(self)

    def finish(self):
        with lock:
            connections.discard(self)
        if self.upstream:
            self.upstream.close()
        super().finish()

    def log_message(self, *_):
        pass

    def answer(self, status, text, headers=()):
        body = text.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def control(self, body):
        self.of_test = True
        if self.command == "POST" and self.path == "/~rule":
            with lock:
                counter[0] += 1
                rules[counter[0]] = json.loads(body)
                return self.answer(200, str(counter[0]))
        if self.command == "DELETE" and self.path.startswith("/~rule"):
            with lock:
                if self.path == "/~rules":
                    rules.clear()
                else:
                    rules.pop(int(self.path.rsplit("/", 1)[1]), None)
            return self.answer(200, "")
        if self.path == "/~log":
            with lock:
                return self.answer(200, "".join("\t".join(map(str, entry)) + "\n" for entry in log))
        if self.path == "/~cut":
            with lock:
                for stream in streams:
                    stream.put((0, None))
            return self.answer(200, "")
        if self.path == "/~freeze":
            with lock:
                for connection in connections:
                    connection.frozen = not connection.of_test
            return self.answer(200, "")
        if self.path == "/~record":
            return self.answer(200, str(self.record(**json.loads(body))))
        return self.answer(404, "")

    def record(self, path, token):
        self.command, self.path = "GET", path
        self.headers["Authorization"] = "Bearer " + token
        response = self.ask(b"")
        listed = json.loads(response.read())
        if response.status != 200:
            raise Broken
        with lock:
            records.append(listed)
            return len(records) - 1

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/~"):
            return self.control(body)
        number, rule = matching(self.command, self.path, self.headers.get("User-Agent", ""))
        entry = [f"{now():.6f}", "-", number, 0, self.command, self.path, self.headers.get("User-Agent", "")]
        with lock:
            log.append(entry)
        try:
            self.exchange(body, rule, entry)
        except (Broken, OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            entry[1] = f"{now():.6f}"

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def exchange(self, body, rule, entry):
        if token_is_refused(self.headers.get("Authorization")):
            rule = {"status": 401}
        if self.frozen:
            self.stay_silent()
        if "replay" in rule:
            entry[3] = 200
            return self.replay(rule)
        if "delay" in rule:
            time.sleep(rule["delay"])
        while "park" in rule and self.stands(rule):
            time.sleep(0.01)
        if rule.get("swallow") == "request":
            self.until_given_up(rule)
        if rule.get("when") == "before":
            os.kill(rule["kill"], signal.SIGKILL)
            raise Broken
        if "status" in rule:
            entry[3] = rule["status"]
            headers = [("Content-Type", "application/json")]
            if "retry_after" in rule:
                headers.append(("Retry-After", str(rule["retry_after"])))
            return self.answer(rule["status"], json.dumps(
                {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": rule["status"],
                 "message": "as the test wants it"}), headers)
        response = self.ask(body)
        entry[3] = response.status
        if self.frozen:
            self.stay_silent()
        if rule.get("when") == "after":
            response.read()
            os.kill(rule["kill"], signal.SIGKILL)
            raise Broken
        if rule.get("swallow") == "answer":
            response.read()
            self.until_given_up(rule)
        if "watch=1" in self.path and response.status == 200:
            return self.stream(response, rule)
        answer = response.read()
        if "delay_answer" in rule:
            time.sleep(rule["delay_answer"])
        self.head(response, [("Content-Length", str(len(answer)))])
        if "cut" in rule and rule["cut"] < len(answer):
            self.wfile.write(answer[:rule["cut"]])
            raise Broken
        step = rule.get("piece", len(answer)) or 1
        for at in range(0, len(answer), step):
            self.wfile.write(answer[at:at + step])

    def ask(self, body):
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["Host"] = SERVER.netloc
        for fresh in (False, True):
            # A kept connection may have been closed by the server: then nothing was done, and a new one is tried.
            reused = self.upstream is not None and not fresh
            if not reused:
                if self.upstream:
                    self.upstream.close()
                self.upstream = http.client.HTTPSConnection(SERVER.hostname, SERVER.port, context=TLS)
            try:
                self.upstream.request(self.command, self.path, body or None, headers)
                return self.upstream.getresponse()
            except (OSError, http.client.HTTPException):
                self.upstream.close()
                self.upstream = None
                if not reused:
                    raise
        raise Broken

    def head(self, response, more):
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        for name, value in more:
            self.send_header(name, value)
        self.end_headers()

    def client_is_gone(self):
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def stands(self, rule):
        with lock:
            return any(rule["origin"] is other for other in rules.values())

    def until_given_up(self, rule):
        while not self.client_is_gone() and self.stands(rule):
            time.sleep(0.02)
        raise Broken

    def stay_silent(self):
        while not self.client_is_gone():
            time.sleep(0.02)
        raise Broken

    def replay(self, rule):
        listed = records[rule["replay"]]
        if "watch=1" not in self.path:
            return self.answer(200, json.dumps(listed), [("Content-Type", "application/json")])
        frames = []
        if "sendInitialEvents=true" in self.path:
            end = {"resourceVersion": listed["metadata"]["resourceVersion"],
                   "annotations": {"k8s.io/initial-events-end": "true"}}
            bookmark = {"apiVersion": listed["apiVersion"], "kind": listed["kind"].removesuffix("List"), "metadata": end}
            frames = [{"type": "ADDED", "object": item} for item in listed["items"]]
            frames.append({"type": "BOOKMARK", "object": bookmark})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for frame in frames:
            self.chunk(json.dumps(frame, ensure_ascii=False).encode() + b"\n")
        while self.stands(rule):
            if self.client_is_gone():
                raise Broken
            time.sleep(0.02)
        self.wfile.write(b"0\r\n\r\n")

    def stream(self, response, rule):
        frames = queue.Queue()
        with lock:
            streams.add(frames)

        def read():
            pending = b""
            try:
                while True:
                    piece = response.read1(65536)
                    if not piece:
                        break
                    *whole, pending = (pending + piece).split(b"\n")
                    for line in whole:
                        frames.put((now(), line + b"\n"))
            except (OSError, http.client.HTTPException, ValueError, AttributeError):
                pass
            frames.put((now(), None))

        upstream, self.upstream = self.upstream, None
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            self.head(response, [("Transfer-Encoding", "chunked")])
            self.frames(frames, rule)
        finally:
            with lock:
                streams.discard(frames)
            try:
                upstream.sock.shutdown(socket.SHUT_RDWR)
            except (OSError, AttributeError):
                pass
            response.close()
            upstream.close()

    def frames(self, frames, rule):
        left = rule.get("cut")
        while True:
            if self.frozen:
                self.stay_silent()
            try:
                came, frame = frames.get(timeout=0.2)
            except queue.Empty:
                if self.client_is_gone():
                    raise Broken
                continue
            if self.frozen:
                continue
            if came and "hold" in rule:
                time.sleep(max(0.0, came + rule["hold"] - now()))
            if frame is None:
                self.wfile.write(b"0\r\n\r\n")
                return
            if self.dropped(frame):
                continue
            if "no_end" in rule and b"k8s.io/initial-events-end" in frame:
                continue
            if left is not None and left < len(frame):
                self.chunk(frame[:left])
                raise Broken
            left = None if left is None else left - len(frame)
            step = rule.get("piece", len(frame))
            for at in range(0, len(frame), step):
                self.chunk(frame[at:at + step])

    def dropped(self, frame):
        with lock:
            for rule in rules.values():
                if "drop" in rule and rule["frames"] > 0 and f'"name":"{rule["drop"]}"'.encode() in frame:
                    rule["frames"] -= 1
                    return True
        return False

    def chunk(self, piece):
        if piece:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
