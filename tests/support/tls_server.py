"""An https server for tests: tells who asked, streams on /stream, needs a token when one is given.

Usage: tls_server.py DIRECTORY [--client-ca] [--max-tls VERSION]. DIRECTORY holds server.crt and server.key (and
client-ca.crt), read again for each connection, and may hold token, read again for each request: then any other
bearer token gets 401. Prints its port.
"""
import http.server
import json
import pathlib
import ssl
import sys
import time

folder = pathlib.Path(sys.argv[1])


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if "--max-tls" in sys.argv:
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = ssl.TLSVersion.TLSv1
        made.maximum_version = ssl.TLSVersion[sys.argv[sys.argv.index("--max-tls") + 1]]
    while True:
        try:
            made.load_cert_chain(folder / "server.crt", folder / "server.key")
            break
        except ssl.SSLError:  # one of them is new already
            time.sleep(0.005)
    if "--client-ca" in sys.argv:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(folder / "client-ca.crt")
    made.sni_callback = lambda connection, name, _: setattr(connection, "asked_name", name)
    return made


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.request = context().wrap_socket(self.request, server_side=True)
        super().setup()

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        token = folder / "token"
        if token.exists() and self.headers.get("Authorization") not in (
                "Bearer " + word for word in token.read_text().split()):
            return self.answer(401, {"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized"})
        if self.path.startswith("/stream"):
            return self.stream()
        subject = (self.request.getpeercert() or {}).get("subject", ())
        self.answer(200, {"client": dict(pair for part in subject for pair in part).get("commonName", ""),
                          "tls": self.request.version(), "name": getattr(self.request, "asked_name", None),
                          "agent": self.headers.get("User-Agent", "")})

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(3):
            self.wfile.write(b"7\r\nline %d\n\r\n" % number)
            time.sleep(0.01)
        self.wfile.write(b"0\r\n\r\n")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
