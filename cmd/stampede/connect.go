package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"stampede/config"
	"stampede/stompwire"
	"stampede/transport"
)

// The variables of the clients. Their prefix sets them apart from those that configure a broker; both may live in one
// environment.
const (
	envURL      = config.EnvClientPrefix + "URL"
	envLogin    = config.EnvClientPrefix + "LOGIN"
	envPasscode = config.EnvClientPrefix + "PASSCODE"
)

const defaultURL = "tcp://localhost:" + config.DefaultPort

// aboutConnecting is the part of help that the clients share.
const aboutConnecting = `
Where to connect: tcp://HOST:PORT, tls://HOST:PORT, ws://HOST:PORT/PATH, wss://HOST:PORT/PATH
or unix:/PATH. These can be put into the environment instead of flags:
  ` + envURL + `, ` + envLogin + `, ` + envPasscode + `
A passcode on the command line can be seen by every user of the machine; a variable can't.`

// connection is the flags of the clients that say where and how to connect.
type connection struct {
	flags                               *flags
	url, login, passcode, host, version *string
	heartBeat, timeout                  *time.Duration
	ca, certificate, key                *string
	insecure                            *bool
	connectHeader                       headerFlag
}

func connectionFlags(f *flags) *connection {
	c := targetFlags(f)
	c.heartBeat = f.Duration("heart-beat", 10*time.Second, "offer heart-beats at this `INTERVAL`; 0: none")
	return c
}

// targetFlags are those that bench has too.
func targetFlags(f *flags) *connection {
	c := &connection{flags: f}
	c.url = f.String("url", defaultURL, "connect to this `URL`")
	c.login = f.String("login", "", "log in as `NAME`")
	c.passcode = f.String("passcode", "", "log in with this `SECRET`; better set "+envPasscode)
	c.host = f.String("host", "", "the virtual `HOST` to ask for")
	c.version = f.String("stomp", stompwire.SupportedVersions, "offer these `VERSIONS` of the protocol")
	c.timeout = f.Duration("timeout", 10*time.Second, "give up connecting after this `TIME`")
	c.ca = f.String("ca", "", "trust the authorities in this PEM `FILE` and no others (tls, wss)")
	c.certificate = f.String("cert", "", "show the certificate in this PEM `FILE` (tls, wss)")
	c.key = f.String("key", "", "the `FILE` of its key")
	c.insecure = f.Bool("insecure", false, "trust any certificate: only for tests (tls, wss)")
	f.Var(&c.connectHeader, "connect-header", "add `NAME:VALUE` to CONNECT; may be repeated")
	return c
}

// connect does what the flags say.
func (c *connection) connect(ctx context.Context, env []string) (*client, error) {
	url, login, passcode := c.who(env)
	o := options{
		login:     login,
		passcode:  passcode,
		host:      *c.host,
		version:   *c.version,
		heartBeat: *c.heartBeat,
		header:    c.connectHeader.wire(),
	}
	if err := c.refuseHeaders(); err != nil {
		return nil, err
	}
	set, err := c.tls()
	if err != nil {
		return nil, err
	}
	o.dial = transport.DialOptions{TLS: set, Subprotocols: transport.Subprotocols(*c.version)}
	bounded, cancel := context.WithTimeoutCause(ctx, *c.timeout, fmt.Errorf("no answer within %v", *c.timeout))
	defer cancel()
	client, err := connect(bounded, url, o)
	if err != nil && !errors.As(err, new(*brokerError)) && ctx.Err() == nil {
		if cause := context.Cause(bounded); cause != nil {
			err = cause
		}
		hint := ""
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			hint = "; is a broker running there?"
		case encrypted(url) && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.As(err, new(tls.RecordHeaderError))):
			hint = "; is TLS spoken there?"
		}
		return nil, fmt.Errorf("can't connect to %s: %w%s", url, err, hint)
	}
	return client, err
}

// encrypted reports whether url asks for TLS.
func encrypted(url string) bool {
	scheme, _, _ := strings.Cut(url, "://")
	return scheme == "wss" || scheme == "tls"
}

// who is where to connect and as whom: flags go before the environment.
func (c *connection) who(env []string) (url, login, passcode string) {
	choose := func(flag string, value *string, variable string) string {
		if v := lookup(env, variable); v != "" && !c.flags.given(flag) {
			return v
		}
		return *value
	}
	return choose("url", c.url, envURL), choose("login", c.login, envLogin), choose("passcode", c.passcode, envPasscode)
}

func (c *connection) refuseHeaders() error {
	return c.connectHeader.refuse(map[string]string{
		"login": "use --login", "passcode": "use " + envPasscode, "host": "use --host",
		"accept-version": "use --stomp", "heart-beat": "use --heart-beat",
	})
}

// tls returns nil if no flag asks for anything but the defaults.
func (c *connection) tls() (*tls.Config, error) {
	if (*c.certificate == "") != (*c.key == "") {
		return nil, usagef("--cert and --key go together")
	}
	if *c.ca == "" && *c.certificate == "" && !*c.insecure {
		return nil, nil
	}
	set := &tls.Config{InsecureSkipVerify: *c.insecure}
	if *c.ca != "" {
		pem, err := os.ReadFile(*c.ca)
		if err != nil {
			return nil, unreadable("--ca", *c.ca, err)
		}
		set.RootCAs = x509.NewCertPool()
		if !set.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca %s holds no certificate; it must be a PEM file", *c.ca)
		}
	}
	if *c.certificate != "" {
		pair, err := tls.LoadX509KeyPair(*c.certificate, *c.key)
		if err != nil {
			return nil, fmt.Errorf("--cert %s and --key %s can't be used: %w", *c.certificate, *c.key, err)
		}
		set.Certificates = []tls.Certificate{pair}
	}
	return set, nil
}

// unreadable says what is wrong with a file, naming it once.
func unreadable(what, path string, err error) error {
	var why *fs.PathError
	if errors.As(err, &why) {
		err = why.Err
	}
	return fmt.Errorf("can't read %s %s: %w", what, path, err)
}

// wire returns the headers as the client takes them.
func (h headerFlag) wire() []stompwire.Field {
	all := make([]stompwire.Field, len(h))
	for i, f := range h {
		all[i] = stompwire.Field{Name: f.name, Value: f.value}
	}
	return all
}
