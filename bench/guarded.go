package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	guardedUploads = 10_000 // of a turn
	guardedPairs   = 4      // turns of each process
	guardedOwners  = 16     // one for each connection
)

// guarded runs scenario o: what it costs to ask who sends an upload, whose it is, and how much and how fast they may. Two
// processes of the same program take the same uploads turn by turn; one lets everybody in, the other has all of it on.
// Traces are off in both, as they are by themselves.
func (b *bench) guarded(ctx context.Context, s server) (figures, error) {
	issuer, err := newIssuer()
	if err != nil {
		return nil, err
	}
	defer issuer.close()
	tokens := make([]string, guardedOwners)
	for i := range tokens {
		if tokens[i], err = issuer.token(fmt.Sprintf("owner-%d", i)); err != nil {
			return nil, err
		}
	}
	var took, spent [2]float64 // open, guarded
	err = b.with(ctx, s.with("--auth", "none"), func(ctx context.Context, open *process, uploads string) error {
		// Once: if its folder is spoiled, both are made again.
		return b.once(ctx, s.with(issuer.settings()...), func(ctx context.Context, guarded *process, ownUploads string) error {
			took, spent = [2]float64{}, [2]float64{}
			l := load{uploads: b.scale(guardedUploads, 500), connections: guardedOwners, content: b.content[:smallSize], tokens: tokens}
			for turn := range 2*guardedPairs + 2 {
				i := []int{0, 1, 1, 0}[turn%4]
				p := []*process{open, guarded}[i]
				l.addr, l.sample = p.addr, func(int) error { return p.place.check() }
				seconds, cpu, err := b.turn(ctx, l, p, false)
				if err != nil {
					return err
				}
				if turn >= 2 { // the first of each warms up
					took[i] += seconds
					spent[i] += cpu
				}
			}
			for _, folder := range []string{uploads, ownUploads} {
				if err := verify(folder, l.uploads*(guardedPairs+1), smallSize, l.content); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return figures{"o.rate": took[0] / took[1], "o.cpu": spent[1] / spent[0]}, nil
}

// issuer signs tokens, and serves the key that they are checked by.
type issuer struct {
	key    ed25519.PrivateKey
	server http.Server
	addr   string
	ended  chan struct{}
}

func newIssuer() (*issuer, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	keys, err := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "OKP", "crv": "Ed25519", "kid": "bench", "use": "sig", "alg": "EdDSA", "x": encoded(public),
	}}})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the key: %w", err)
	}
	i := &issuer{key: private, addr: l.Addr().String(), ended: make(chan struct{})}
	i.server.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(keys) // the server asks again
	})
	go func() {
		defer close(i.ended)
		_ = i.server.Serve(l) // until close
	}()
	return i, nil
}

func (i *issuer) close() {
	_ = i.server.Close()
	<-i.ended
}

// settings are those of a server that asks everything of every request. No limit is ever reached.
func (i *issuer) settings() []string {
	return []string{
		"--auth", "jwt", "--jwt-jwks-url", "http://" + i.addr + "/keys", "--jwt-issuer", "bench", "--jwt-audience", "uploads",
		"--jwt-admin-claim", "roles=admin", "--max-size", "1GiB", "--max-uploads", "1000", "--min-rate", "1KiB",
		"--quota-bytes", "1TiB", "--quota-open-bytes", "1TiB", "--quota-uploads", "1000000",
		"--limit-address-connections", "1000", "--limit-owner-uploads", "1000", "--limit-creations", "1000000",
		"--allow-extensions", ".bin,.txt",
	}
}

// token is a JWT (RFC 7519) that is valid for an hour.
func (i *issuer) token(owner string) (string, error) {
	claims, err := json.Marshal(map[string]any{
		"iss": "bench", "aud": "uploads", "sub": owner, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed := encoded([]byte(`{"alg":"EdDSA","typ":"JWT","kid":"bench"}`)) + "." + encoded(claims)
	return signed + "." + encoded(ed25519.Sign(i.key, []byte(signed))), nil
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// floorsOfGuards are the goals of scenario o. A short run's figures say little: there they find what is broken.
func floorsOfGuards(short bool) []floor {
	rate, cpu := 0.95, 1.05
	if short {
		rate, cpu = 0.4, 2
	}
	return []floor{
		{"o.rate", plateauNone, false, false, rate, "throughput with tokens, owners, quotas and limits, of that without"},
		{"o.rate", plateauFsync, false, false, rate, "throughput with tokens, owners, quotas and limits, of that without"},
		{"o.cpu", plateauNone, false, true, cpu, "CPU time with tokens, owners, quotas and limits, of that without"},
		{"o.cpu", plateauFsync, false, true, cpu, "CPU time with tokens, owners, quotas and limits, of that without"},
	}
}
