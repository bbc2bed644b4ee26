"""Keeps load on the shop until it is ended by SIGTERM: 4 clients, a new connection a request. Writes counts to a file:
requests, failures."""
import os
import signal
import sys
import threading
import time
import urllib.request

URL, COUNTS = sys.argv[1], sys.argv[2]
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
lock = threading.Lock()
sent = failed = 0


def client():
    global sent, failed
    while not stop.is_set():
        try:
            with urllib.request.urlopen(URL, timeout=5) as answer:
                good = answer.status == 200 and answer.read()
        except OSError:
            good = False
        with lock:
            sent += 1
            failed += not good
        time.sleep(0.01)


threads = [threading.Thread(target=client) for _ in range(4)]
for thread in threads:
    thread.start()
while not stop.is_set():
    time.sleep(0.1)
    with lock:
        text = f"{sent} {failed}\n"
    with open(COUNTS + ".new", "w") as out:
        out.write(text)
    os.replace(COUNTS + ".new", COUNTS)
for thread in threads:
    thread.join()
