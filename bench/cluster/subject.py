# SPDX-License-Identifier: Apache-2.0
"""A controller that is measured: Ripcord, or its peer. Both have the same metrics, as controller-runtime names them."""
import os
import subprocess
import time

from server import Connection, free_port, samples

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid, field):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


class Subject:
    def __init__(self, name, namespace, lease, command):
        self.name, self.namespace, self.lease, self.command = name, namespace, lease, command
        self.process = None

    def start(self):
        self.port = free_port()
        self.line = None
        self.log = open(os.environ.get("BENCH_CLUSTER_LOG", os.devnull), "ab")
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command(f"127.0.0.1:{self.port}"), stdout=self.log, stderr=self.log)
        return self

    def metrics(self):
        """Nothing while it does not answer yet."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with exit code {self.process.returncode}")
        try:
            self.line = self.line or Connection(self.port)
            return samples(self.line.exchange("GET", "/metrics").decode())
        except (OSError, IndexError, RuntimeError):
            self.line = None
            return []

    def value(self, name, *labels):
        return sum(v for n, l, v in self.metrics() if n == name and all(label in l for label in labels))

    def await_value(self, least, name, *labels, seconds=600, step=0.1):
        """When the metric reached `least`, and all that was seen on the way: [(when, value)]. Seldom enough not to be much of
        what is measured: an answer costs a controller about a millisecond."""
        seen = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.value(name, *labels)
            seen.append((time.monotonic(), value))
            if value >= least:
                return seen
            time.sleep(step)
        raise RuntimeError(f"{self.name}: {name} did not reach {least} but {value}")

    def await_reconciled(self, objects, **bounds):
        return self.await_value(objects, "controller_runtime_reconcile_total", 'controller="feature_flag"',
                                'result="success"', **bounds)

    def await_leading(self):
        self.await_value(1, "leader_election_master_status", seconds=60)

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def rss(self):
        return memory(self.process.pid, "VmRSS")

    def peak(self):
        return memory(self.process.pid, "VmHWM")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.kill()


def ripcord(server, namespace, program):
    return Subject("ripcord", namespace, "ripcord-leader", lambda address: [
        program, "run", "--kubeconfig", server.kubeconfig, "--watch-namespace", namespace,
        "--lease-namespace", namespace, "--metrics-bind-address", address, "--health-probe-bind-address", "0",
        "--ofrep-bind-address", f"127.0.0.1:{free_port()}"])


def peer(server, namespace, program):
    return Subject("controller-runtime", namespace, "peer", lambda address: [
        program, "--kubeconfig", server.kubeconfig, "--namespace", namespace, "--metrics", address])
