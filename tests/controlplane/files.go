// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/csv"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const adminToken = "admin-token"

// writeFiles makes what a first start needs. Keys and certificates of an earlier start stay.
func writeFiles(data, server string, users []string) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	if err := writeTokens(filepath.Join(data, "tokens.csv"), users); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(data, "service-account.key")); os.IsNotExist(err) {
		if err := writeKeys(data); err != nil {
			return err
		}
	}
	in := func(name string) string { return filepath.Join(data, name) }
	certificate := fmt.Sprintf("{client-certificate: %q, client-key: %q}", in("admin.crt"), in("admin.key"))
	for name, user := range map[string]string{
		"admin.kubeconfig":             fmt.Sprintf("{token: %q}", adminToken),
		"admin-certificate.kubeconfig": certificate,
	} {
		text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test}}]
clusters: [{name: test, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: test, user: %s}]
`, server, in("ca.crt"), user)
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func writeTokens(path string, users []string) error {
	rows := [][]string{{adminToken, "admin", "admin", "system:masters"}}
	for _, user := range users {
		name, rest, found := strings.Cut(user, "=")
		token, groups, _ := strings.Cut(rest, ":")
		if !found || name == "" || token == "" {
			return fmt.Errorf("--user %s: want name=token[:group,...]", user)
		}
		rows = append(rows, []string{token, name, name, groups})
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	return csv.NewWriter(file).WriteAll(rows)
}

func writeKeys(data string) error {
	ca := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "controlplane test CA"},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	caKey, err := writePair(data, "ca", ca, ca, nil)
	if err != nil {
		return err
	}
	server := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if _, err := writePair(data, "apiserver", server, ca, caKey); err != nil {
		return err
	}
	admin := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "admin-certificate", Organization: []string{"system:masters"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if _, err := writePair(data, "admin", admin, ca, caKey); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return writeKey(filepath.Join(data, "service-account.key"), key)
}

// writePair writes name.key and name.crt, signed by parent (by itself where parentKey is nil).
func writePair(data, name string, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if parentKey == nil {
		parentKey = key
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().AddDate(1, 0, 0)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, err
	}
	if err := writePEM(filepath.Join(data, name+".crt"), "CERTIFICATE", der); err != nil {
		return nil, err
	}
	return key, writeKey(filepath.Join(data, name+".key"), key)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key) // kube-apiserver reads no PKCS #8 key of this kind for service accounts
	if err != nil {
		return err
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
