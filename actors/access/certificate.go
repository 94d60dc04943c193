package access

import (
	"context"
	"crypto/x509"
	"fmt"

	"stampede/config"
)

// certificates logs in whom a client's TLS certificate names, by what each listener says.
type certificates map[string]config.CertificateUser // by listener

func newCertificates(listeners []config.Listen) certificates {
	all := certificates{}
	for i := range listeners {
		if l := &listeners[i]; l.TLSClientUser != "" && l.TLSClientUser != config.CertificateNone {
			all[l.Name] = l.TLSClientUser
		}
	}
	return all
}

// Authenticate implements Authenticator. Who says something in CONNECT is held to that.
func (all certificates) Authenticate(_ context.Context, c *Credentials) (*Identity, error) {
	part := all[c.Listener]
	if part == "" || len(c.Certificates) == 0 || c.shown() {
		return nil, ErrUnknown
	}
	user := certificateUser(c.Certificates[0], part)
	if user == "" {
		return nil, fmt.Errorf("%w: the certificate names no user (tls_client_user is %q)", ErrRefused, part)
	}
	return &Identity{User: user, By: "certificate", Expires: c.Certificates[0].NotAfter, stamp: certificateStamp}, nil
}

const certificateStamp = "certificate"

func certificateUser(c *x509.Certificate, part config.CertificateUser) string {
	var all []string
	switch part {
	case config.CertificateCN:
		return c.Subject.CommonName
	case config.CertificateDNS:
		all = c.DNSNames
	case config.CertificateEmail:
		all = c.EmailAddresses
	case config.CertificateURI:
		if len(c.URIs) > 0 {
			return c.URIs[0].String()
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[0]
}
