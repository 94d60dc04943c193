package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// maxUnixPath is what sun_path of the strictest common system holds beside its final NUL.
const maxUnixPath = 103

// Endpoint is one thing to listen on, as net.Listen takes it.
type Endpoint struct {
	Network string // "tcp", "tcp4", "tcp6" or "unix"
	Address string
	// Optional: the IPv6 half of "localhost". A machine without IPv6 does without it.
	Optional bool
}

// String returns the address with its kind where that is not plain.
func (e Endpoint) String() string {
	if e.Network == "unix" {
		return "unix:" + e.Address
	}
	return e.Address
}

// Loopback says that only this machine can reach it.
func (e Endpoint) Loopback() bool {
	if e.Network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(e.Address)
	return err == nil && isLoopback(host)
}

// clashes says that the operating system would refuse one of the two. Port 0 never does.
func (e Endpoint) clashes(other Endpoint) bool {
	if e.Network == "unix" || other.Network == "unix" {
		return e.Network == other.Network && e.Address == other.Address
	}
	host, port, err := net.SplitHostPort(e.Address)
	otherHost, otherPort, otherErr := net.SplitHostPort(other.Address)
	if err != nil || otherErr != nil || port != otherPort || port == "0" {
		return false
	}
	return host == otherHost || host == "" || otherHost == ""
}

// Endpoints takes the address apart: two for "localhost:port", one for every other. The error says how to write it.
func (l *Listen) Endpoints() ([]Endpoint, error) {
	const form = `write it as "host:port", ":port" for every interface, "localhost:port" or "unix:/path"`
	if l.Address == "" {
		return nil, errors.New("is missing; " + form)
	}
	if path, ok := strings.CutPrefix(l.Address, "unix:"); ok {
		switch {
		case path == "":
			return nil, errors.New("unix: has no path behind it; " + form)
		case len(path) > maxUnixPath:
			return nil, fmt.Errorf("the path of a Unix socket can have %d bytes, this one has %d", maxUnixPath, len(path))
		case strings.ContainsRune(path, 0):
			return nil, errors.New("the path of a Unix socket can't hold a NUL")
		}
		return []Endpoint{{Network: "unix", Address: path}}, nil
	}
	host, port, err := net.SplitHostPort(l.Address)
	if err != nil {
		if _, numeric := parsePort(l.Address); numeric == nil {
			return nil, fmt.Errorf("%q is only a port; write \"localhost:%s\" for this machine or \":%s\" for every interface", l.Address, l.Address, l.Address)
		}
		return nil, fmt.Errorf("%.60q is not an address; %s", l.Address, form)
	}
	number, err := parsePort(port)
	if err != nil {
		return nil, fmt.Errorf("%.60q: the port is a number from 0 to 65535; %s", l.Address, form)
	}
	port = strconv.Itoa(int(number)) // "061613" is the same port, also where addresses are compared
	if strings.ContainsAny(host, " \t/\n\x00") {
		return nil, fmt.Errorf("%.60q: the host has a character that no host can have; %s", l.Address, form)
	}
	switch {
	case strings.EqualFold(host, "localhost"):
		return []Endpoint{
			{Network: "tcp4", Address: "127.0.0.1:" + port},
			{Network: "tcp6", Address: "[::1]:" + port, Optional: true},
		}, nil
	case host == "*":
		host = ""
	}
	return []Endpoint{{Network: "tcp", Address: net.JoinHostPort(host, port)}}, nil
}

// Proxies reads TrustedProxies: networks, and whether the other end of a Unix socket is one.
func (l *Listen) Proxies() (networks []netip.Prefix, unix bool, err error) {
	for _, text := range l.TrustedProxies {
		if text == "unix" {
			unix = true
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			addr, bad := netip.ParseAddr(text)
			if bad != nil || addr.Zone() != "" {
				return nil, false, fmt.Errorf("%.60q is not a network; write it as \"10.0.0.0/8\", \"192.0.2.1\", \"2001:db8::/32\", or \"unix\" for whoever connects to a Unix socket", text)
			}
			p = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		}
		if p.Masked().Addr() != p.Addr() {
			return nil, false, fmt.Errorf("%.60q has bits behind its length; the network is %v", text, p.Masked())
		}
		networks = append(networks, p)
	}
	return networks, unix, nil
}

// FileMode is UnixMode as a number, and 0 where there is no file to have one: for TCP and for abstract sockets of Linux
// ("unix:@name").
func (l *Listen) FileMode() fs.FileMode {
	if path, ok := strings.CutPrefix(l.Address, "unix:"); !ok || strings.HasPrefix(path, "@") {
		return 0
	}
	mode, _ := parseMode(l.UnixMode)
	return mode
}

func parseMode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o777 {
		return 0, fmt.Errorf("%.20q is not a permission; write it in octal like \"0660\"", s)
	}
	return fs.FileMode(n), nil
}

// TLS loads the certificate files: nil and no error if none are configured. The error is one line that names the key and
// the file and says what is wrong with it.
func (l *Listen) TLS() (*tls.Config, error) {
	if l.TLSCert == "" && l.TLSKey == "" {
		return nil, nil
	}
	certPEM, err := readPEM("tls_cert", l.TLSCert)
	if err != nil {
		return nil, err
	}
	keyPEM, err := readPEM("tls_key", l.TLSKey)
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "tls: ")
		return nil, fmt.Errorf("tls_cert %s and tls_key %s can't be used: %s; they must be PEM files that belong together", l.TLSCert, l.TLSKey, why)
	}
	set := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if l.TLSMinVersion == "1.3" {
		set.MinVersion = tls.VersionTLS13
	}
	if l.TLSClientCA != "" {
		caPEM, err := readPEM("tls_client_ca", l.TLSClientCA)
		if err != nil {
			return nil, err
		}
		set.ClientCAs = x509.NewCertPool()
		if !set.ClientCAs.AppendCertsFromPEM(caPEM) {
			return nil, fmt.Errorf("tls_client_ca %s holds no certificate; it must be a PEM file", l.TLSClientCA)
		}
		set.ClientAuth = tls.RequireAndVerifyClientCert
		if l.TLSClientAuth == "optional" {
			set.ClientAuth = tls.VerifyClientCertIfGiven
		}
	}
	return set, nil
}

func readPEM(key, path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		var why *fs.PathError
		if errors.As(err, &why) {
			err = why.Err
		}
		return nil, fmt.Errorf("cannot read %s %s: %w; check the path and who may read it", key, path, err)
	}
	return data, nil
}

// CheckFiles says which of the files that the configuration names can't be used on this machine: [Problems], or nil.
func (c *Config) CheckFiles() error {
	var problems Problems
	for i := range c.Listen {
		if _, err := c.Listen[i].TLS(); err != nil {
			problems = append(problems, Problem{Key: fmt.Sprintf("listen[%d]", i), Text: err.Error()})
		}
	}
	return problems.orNil()
}
