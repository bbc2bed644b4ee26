"""One environment of the example shop: asks Ripcord for the flag new_checkout on every request, as an application would
through an OpenFeature SDK over OFREP, and tells what it served."""
import http.server
import json
import sys
import urllib.request

NAME, PORT, OFREP = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def flag(key, default):
    request = urllib.request.Request(
        f"{OFREP}/ofrep/v1/evaluate/flags/{key}", data=b'{"context":{}}',
        headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=1) as answer:
            return json.load(answer).get("value", default)
    except OSError:
        return default


class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/healthz":
            body = b"ok\n"
        else:
            checkout = "new" if flag("new_checkout", False) else "old"
            body = f"{NAME} checkout={checkout}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer.request_queue_size = 256
http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Shop).serve_forever()
