package server

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// Whatever stands in X-Forwarded-For, the client is the peer or an address that stands
// there, and a peer that isn't trusted is believed nothing.
func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{
		"", "192.0.2.1", "192.0.2.1, 10.0.0.2", "10.0.0.1,10.0.0.2", "evil, 192.0.2.1:443", "[2001:db8::1]:80, 10.0.0.3", "::ffff:192.0.2.1",
		"unknown", "fe80::1%eth0", ",,,", "192.0.2.1,", "1,2,3", strings.Repeat("10.0.0.1,", 1000), "192.0.2.1\x00",
	} {
		f.Add(seed, "10.0.0.9:1")
		f.Add(seed, "192.0.2.9:1")
	}
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	f.Fuzz(func(t *testing.T, header, remote string) {
		peer, err := netip.ParseAddrPort(remote)
		if err != nil {
			return
		}
		own := peer.Addr().Unmap()
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {header}}}
		client, err := netip.ParseAddr(trusted.clientOf(r))
		switch {
		case err != nil:
			t.Fatalf("%q from %s: the client is no address: %v", header, remote, err)
		case client == own:
		case !trusted.trusts(own):
			t.Fatalf("%q from %s, which isn't trusted, makes %s of it", header, remote, client)
		case !strings.Contains(header, ".") && !strings.Contains(header, ":"):
			t.Fatalf("%q has no address, but makes %s", header, client)
		}
		lines := strings.SplitAfter(header, ",")
		for i, line := range lines[:len(lines)-1] {
			lines[i] = strings.TrimSuffix(line, ",")
		}
		r.Header["X-Forwarded-For"] = lines
		if again := trusted.clientOf(r); again != client.String() {
			t.Fatalf("%q on lines of its own: %s, want %s", header, again, client)
		}
	})
}

// A form's Content-Type is read without a panic, and what is right by the standard means
// the same here.
func FuzzFormType(f *testing.F) {
	for _, seed := range []string{
		"", "multipart/form-data", "multipart/form-data; boundary=x", `multipart/form-data; boundary="a;b"`, "multipart/form-data; boundary=a b=c",
		"Multipart/Form-Data;BOUNDARY=x", "multipart/form-data; boundary", `multipart/form-data; boundary="`, "multipart/form-data; boundary*=utf-8''x",
		"multipart/form-data; a=b; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", ";boundary=x", "multipart/form-data; boundary=x; boundary=y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, contentType string) {
		kind, boundary := formBoundaryOf(contentType)
		if kind != strings.ToLower(kind) || strings.ContainsAny(kind, "; \t") {
			t.Errorf("%q is of the kind %q", contentType, kind)
		}
		if boundary != "" && !strings.Contains(strings.ToLower(contentType), "boundary") {
			t.Errorf("%q has the boundary %q", contentType, boundary)
		}
	})
}
