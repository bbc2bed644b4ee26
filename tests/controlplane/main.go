// SPDX-License-Identifier: Apache-2.0

// Controlplane is a Kubernetes control plane of one process for tests: an unmodified kube-apiserver, etcd, and those
// controllers of kube-controller-manager that need no node. No kubelet, no scheduler: nothing runs a pod.
//
//	controlplane --data DIR [--port N] [--user name=token[:group,...]]... [-- flags of kube-apiserver]
//
// It listens on 127.0.0.1 only, keeps everything in DIR (a second start on the same DIR finds the same objects) and
// removes nothing. When the server is ready it prints one line, "ready DIR/admin.kubeconfig". It ends on SIGTERM,
// SIGINT or when its standard input closes, so it cannot outlive a test. Logs go to standard error.
//
// In DIR: admin.kubeconfig (token), admin-certificate.kubeconfig (client certificate), ca.crt and ca.key (to sign more
// of either), tokens.csv, etcd.url. Users come without rights: bind roles to them.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // as kube-apiserver's own main does
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	apioptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	manageroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

const (
	controllers  = "garbage-collector-controller,namespace-controller,deployment-controller,replicaset-controller,serviceaccount-controller,endpointslice-controller,clusterrole-aggregation-controller"
	startTimeout = 2 * time.Minute
	stopTimeout  = 5 * time.Second
)

func main() {
	data := flag.String("data", "", "directory for everything; made when missing")
	port := flag.Int("port", 0, "port of the API server; 0 takes a free one")
	var users []string
	flag.Func("user", "name=token[:group,...]; may be repeated", func(user string) error {
		users = append(users, user)
		return nil
	})
	flag.Parse()
	if *data == "" {
		fmt.Fprintln(os.Stderr, "controlplane: --data DIR is missing")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := run(ctx, *data, *port, users, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, data string, port int, users, extra []string) error {
	data, err := filepath.Abs(data)
	if err != nil {
		return err
	}
	listener, err := listen(port)
	if err != nil {
		return err
	}
	server := "https://" + listener.Addr().String()
	if err := writeFiles(data, server, users); err != nil {
		return err
	}
	etcd, err := startEtcd(data)
	if err != nil {
		return err
	}
	defer etcd.Close()
	etcdURL := "http://" + etcd.Clients[0].Addr().String()
	if err := os.WriteFile(filepath.Join(data, "etcd.url"), []byte(etcdURL+"\n"), 0o600); err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 2)
	if err := startAPIServer(ctx, data, listener, etcdURL, extra, ended); err != nil {
		return err
	}
	if err := awaitReady(ctx, server, data, ended); err != nil || ctx.Err() != nil {
		return err
	}
	if err := startControllers(ctx, data, ended); err != nil {
		return err
	}
	fmt.Println("ready", filepath.Join(data, "admin.kubeconfig"))

	select {
	case err := <-ended:
		return fmt.Errorf("a component ended by itself: %w", err)
	case <-ctx.Done():
	}
	deadline := time.After(stopTimeout) // an open watch may hold the server longer than a test wants to wait
	for range cap(ended) {
		select {
		case <-ended:
		case <-deadline:
			return nil
		}
	}
	return nil
}

// listen takes a port below the range of outgoing connections: there, a client that polls a stopped server's port
// could get that very port as its own and connect to itself.
func listen(port int) (net.Listener, error) {
	if port != 0 {
		return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	}
	for range 100 {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))); err == nil {
			return l, nil
		}
	}
	return nil, errors.New("no free port between 20000 and 31999 on 127.0.0.1")
}

func startEtcd(data string) (*embed.Etcd, error) {
	// A number, because etcd's own gateway (/v3/...) calls the advertised address.
	listener, err := listen(0)
	if err != nil {
		return nil, err
	}
	client := []url.URL{{Scheme: "http", Host: listener.Addr().String()}}
	_ = listener.Close()
	peer := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}} // there is none
	cfg := embed.NewConfig()
	cfg.Dir = filepath.Join(data, "etcd")
	cfg.LogLevel = "error"
	cfg.LogOutputs = []string{"stderr"}
	cfg.UnsafeNoFsync = true
	cfg.WatchProgressNotifyInterval = 5 * time.Second // bookmarks for kinds that nobody writes
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = client, client
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = peer, peer
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	etcd, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err := <-etcd.Err():
		return nil, fmt.Errorf("etcd: %w", err)
	case <-time.After(startTimeout):
		return nil, errors.New("etcd is not ready")
	}
}

func startAPIServer(ctx context.Context, data string, listener net.Listener, etcdURL string, extra []string, ended chan<- error) error {
	in := func(name string) string { return filepath.Join(data, name) }
	options := apioptions.NewServerRunOptions()
	options.SecureServing.Listener = listener
	err := parse("kube-apiserver", options.Flags(), append([]string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none",
		"--tls-cert-file=" + in("apiserver.crt"),
		"--tls-private-key-file=" + in("apiserver.key"),
		"--client-ca-file=" + in("ca.crt"),
		"--token-auth-file=" + in("tokens.csv"),
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + in("service-account.key"),
		"--service-account-signing-key-file=" + in("service-account.key"),
		// Pods need no service account: nothing runs them.
		"--disable-admission-plugins=ServiceAccount",
	}, extra...))
	if err != nil {
		return err
	}
	if err := options.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	completed, err := options.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := completed.Validate(); len(errs) != 0 {
		return utilerrors.NewAggregate(errs)
	}
	go func() { ended <- fmt.Errorf("kube-apiserver: %w", orStopped(apiserver.Run(ctx, completed))) }()
	return nil
}

func startControllers(ctx context.Context, data string, ended chan<- error) error {
	options, err := manageroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	all, off, aliases := manager.KnownControllers(), manager.ControllersDisabledByDefault(), manager.ControllerAliases()
	err = parse("kube-controller-manager", options.Flags(all, off, aliases), []string{
		"--kubeconfig=" + filepath.Join(data, "admin.kubeconfig"),
		"--controllers=" + controllers,
		"--leader-elect=false",
		"--secure-port=0",
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	})
	if err != nil {
		return err
	}
	config, err := options.Config(ctx, all, off, aliases)
	if err != nil {
		return fmt.Errorf("kube-controller-manager: %w", err)
	}
	go func() {
		ended <- fmt.Errorf("kube-controller-manager: %w", orStopped(manager.Run(ctx, config.Complete())))
	}()
	return nil
}

func orStopped(err error) error {
	if err == nil {
		return errors.New("stopped")
	}
	return err
}

func parse(name string, sets cliflag.NamedFlagSets, args []string) error {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if flags.NArg() != 0 {
		return fmt.Errorf("%s: not a flag: %s", name, strings.Join(flags.Args(), " "))
	}
	return nil
}

func awaitReady(ctx context.Context, server, data string, ended <-chan error) error {
	pem, err := os.ReadFile(filepath.Join(data, "ca.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/readyz", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+adminToken)
	deadline := time.After(startTimeout)
	for {
		if response, err := client.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return nil
		case <-deadline:
			return errors.New("kube-apiserver is not ready")
		case <-time.After(50 * time.Millisecond):
		}
	}
}
