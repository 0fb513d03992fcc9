package server

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/config"
)

// sending is a request of an owner, from an address, that sends a body.
func sending(method, id, owner, address string) *exchange {
	x := &exchange{client: identity{owner: owner}, address: netip.MustParseAddr(address)}
	x.request.Method = method
	x.response = response{request: &x.request, body: new(body), id: id}
	return x
}

func newTestLimiter(t testing.TB, cfg config.Config) *limiter {
	t.Helper()
	l, err := newLimiter(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func codeOf(err error) string {
	answer, _ := errors.AsType[handler.Error](err)
	return answer.ErrorCode
}

// An owner is one client, whatever its addresses are, and owners at one address are several.
func TestSharesAreOwners(t *testing.T) {
	l := newTestLimiter(t, config.Config{LimitOwnerUploads: 1, LimitCreations: 1})
	const here, there = "192.0.2.1", "192.0.2.2"
	ada := sending(http.MethodPost, "", "ada", here)
	if err := l.upload(ada); err != nil {
		t.Fatal(err)
	}
	if err := l.create(ada); err != nil {
		t.Fatal(err)
	}
	again := sending(http.MethodPost, "", "ada", there)
	if got := codeOf(l.upload(again)); got != "ERR_TOO_MANY_UPLOADS" || !again.refused {
		t.Errorf("elsewhere: %q", got)
	}
	if got := codeOf(l.create(again)); got != "ERR_TOO_MANY_CREATIONS" {
		t.Errorf("elsewhere: %q", got)
	}
	l.leave(again) // which holds nothing
	for _, other := range []*exchange{sending(http.MethodPost, "", "bob", here), sending(http.MethodPost, "", "", here)} {
		if err := errors.Join(l.upload(other), l.create(other)); err != nil {
			t.Errorf("another owner at the same address: %v", err)
		}
		l.leave(other)
	}
	l.leave(ada)
	l.leave(ada) // once is enough
	if err := l.upload(again); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}

// HTTP/2 carries no more requests on a connection than its client may have; a proxy's carries those of many.
func TestHTTP2Streams(t *testing.T) {
	proxy := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for _, c := range []struct {
		cfg  config.Config
		want int
	}{
		{config.Config{}, 100},
		{config.Config{LimitAddressConnections: 500}, 100},
		{config.Config{LimitAddressConnections: 20}, 20},
		{config.Config{LimitAddressConnections: 20, TrustedProxies: proxy}, 100},
	} {
		if got := newTestLimiter(t, c.cfg).http2().MaxConcurrentStreams; got != c.want {
			t.Errorf("%+v: %d", c.cfg, got)
		}
	}
}

// BenchmarkLimiter is what all limits cost a forwarded creation-with-upload, beside the reading of its address.
func BenchmarkLimiter(b *testing.B) {
	l := newTestLimiter(b, config.Config{LimitAddressConnections: 10, LimitOwnerUploads: 10, LimitCreations: 1e9})
	x := sending(http.MethodPost, "", "somebody", "192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		key := l.keys.Address(x.address)
		if _, ok := l.requests.Acquire(key); !ok {
			b.Fatal("refused")
		}
		x.held.request = key
		if err := errors.Join(l.upload(x), l.create(x)); err != nil {
			b.Fatal(err)
		}
		l.leave(x)
	}
}
