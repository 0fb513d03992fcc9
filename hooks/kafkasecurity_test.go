package hooks_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"plateau/hooks"
)

func TestKafkaSASL(t *testing.T) {
	for mechanism, name := range map[string]string{"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			c := newCluster(t, kfake.EnableSASL(), kfake.Superuser(name, "plateau", "right"))
			as := func(mechanism, password string) []error {
				return c.sink(func(o *hooks.KafkaOptions) {
					o.SASL, o.Username, o.Password = mechanism, "plateau", password
				}).Send(t.Context(), testEvents(t, 0, 2, 0))
			}
			if errs := as(mechanism, "right"); errs != nil || c.stored() != 2 {
				t.Errorf("%d arrived: %v", c.stored(), errs)
			}
			// This broker says no by ending the connection, which may be the network's
			// doing, so that it counts as passing.
			if errs := as(mechanism, "wrong"); len(errs) != 2 || errs[0] == nil || errors.Is(errs[0], hooks.ErrPoison) || errors.Is(errs[0], hooks.ErrRejected) {
				t.Errorf("with a wrong password: %v", errs)
			}
			// Apache Kafka says why.
			c.ControlKey(int16(kmsg.SASLAuthenticate), func(request kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				answer := request.ResponseKind().(*kmsg.SASLAuthenticateResponse)
				answer.ErrorCode = kerr.SaslAuthenticationFailed.Code
				return answer, nil, true
			})
			if errs := as(mechanism, "wrong"); len(errs) != 2 || !errors.Is(errs[0], hooks.ErrOperator) {
				t.Errorf("with a wrong password, and an answer: %v", errs)
			}
			c.ControlKey(int16(kmsg.SASLHandshake), func(request kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				answer := request.ResponseKind().(*kmsg.SASLHandshakeResponse)
				answer.ErrorCode = kerr.UnsupportedSaslMechanism.Code
				return answer, nil, true
			})
			if errs := as(mechanism, "right"); len(errs) != 2 || !errors.Is(errs[0], hooks.ErrOperator) {
				t.Errorf("with a mechanism that the broker doesn't know: %v", errs)
			}
			if c.stored() != 2 {
				t.Errorf("%d arrived with a wrong password", c.stored()-2)
			}
		})
	}
}

func TestKafkaTLS(t *testing.T) {
	certificate, roots := selfSigned(t)
	c := newCluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{certificate}}))
	over := func(config *tls.Config) []error {
		return c.sink(func(o *hooks.KafkaOptions) { o.TLS = config }).Send(t.Context(), testEvents(t, 0, 2, 0))
	}
	if errs := over(&tls.Config{RootCAs: roots}); errs != nil || c.stored() != 2 {
		t.Errorf("%d arrived: %v", c.stored(), errs)
	}
	if errs := over(&tls.Config{}); len(errs) != 2 || !errors.Is(errs[0], hooks.ErrOperator) {
		t.Errorf("with a certificate that nobody trusts: %v", errs)
	}
}

// selfSigned is a certificate for 127.0.0.1, and a pool that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
