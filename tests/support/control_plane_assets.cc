// SPDX-License-Identifier: Apache-2.0
// ControlPlane from KUBEBUILDER_ASSETS: etcd and kube-apiserver as two processes, with keys made by
// openssl instead of by tests/controlplane.
#include "tests/support/control_plane.h"

#include <csignal>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord {

void ControlPlane::write_assets_keys() const {
  constexpr const char* kScript = R"(
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
signed() {
  key "$1"
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  printf '%s\n' "$3" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -extfile "$1.ext" -out "$1.crt"
}
key ca
openssl req -x509 -new -key ca.key -days 365 -subj '/CN=controlplane test CA' -out ca.crt
signed apiserver /CN=kube-apiserver 'subjectAltName=IP:127.0.0.1,DNS:localhost'
signed admin /O=system:masters/CN=admin-certificate extendedKeyUsage=clientAuth
key service-account
)";
  const RunResult made =
      run({.argv = {"bash", "-euo", "pipefail", "-c", kScript}, .cwd = directory_.path().string()});
  if (made.exit_code != 0) {
    throw std::runtime_error("openssl: " + made.err);
  }
  std::string tokens = token() + ",admin,admin,\"system:masters\"\n";
  for (const ControlPlaneUser& user : options_.users) {
    tokens += fmt::format("{},{},{},\"{}\"\n", user.token, user.name, user.name, user.group);
  }
  write_file(directory_ / "tokens.csv", tokens);
}

void ControlPlane::start_assets() {
  // The flag lost its prefix in etcd 3.6.
  const std::string help = run({.argv = {binaries_ + "/etcd", "--help"}}).out;
  const std::string progress = help.find("--watch-progress-notify-interval") != std::string::npos
                                   ? "--watch-progress-notify-interval=5s"
                                   : "--experimental-watch-progress-notify-interval=5s";
  etcd_ = spawn("etcd",
                {"--data-dir=" + (directory_ / "etcd"), "--listen-client-urls=" + etcd_url(),
                 "--advertise-client-urls=" + etcd_url(), "--listen-peer-urls=http://127.0.0.1:0",
                 "--log-level=error", "--unsafe-no-fsync", progress},
                false);
  std::vector<std::string> args = {
      "--etcd-servers=" + etcd_url(),
      "--secure-port=" + std::to_string(port_),
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      "--endpoint-reconciler-type=none",
      "--tls-cert-file=" + (directory_ / "apiserver.crt"),
      "--tls-private-key-file=" + (directory_ / "apiserver.key"),
      "--client-ca-file=" + ca_file(),
      "--token-auth-file=" + (directory_ / "tokens.csv"),
      "--authorization-mode=RBAC",
      "--service-cluster-ip-range=10.0.0.0/24",
      "--service-account-issuer=https://kubernetes.default.svc",
      "--service-account-key-file=" + (directory_ / "service-account.key"),
      "--service-account-signing-key-file=" + (directory_ / "service-account.key"),
      "--disable-admission-plugins=ServiceAccount"};
  args.insert(args.end(), options_.api_server_flags.begin(), options_.api_server_flags.end());
  server_ = spawn("kube-apiserver", args, false);
  await_ready();
}

void ControlPlane::await_ready() {
  const bool timed_out = !eventually(
      [&] {
        return kubectl({"get", "--raw", "/readyz"}).exit_code == 0 || !server_->running() ||
               !etcd_->running();
      },
      std::chrono::minutes(3));
  if (timed_out || !server_->running() || !etcd_->running()) {
    fail("etcd and kube-apiserver of KUBEBUILDER_ASSETS did not start");
  }
}

}  // namespace ripcord
