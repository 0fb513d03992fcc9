package client

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

// The token goes where these are the same.
func TestSameOrigin(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"http://h/a", "http://h:80/b", true},
		{"https://H/a", "https://h:443/b", true},
		{"http://h:8443/", "https://h:8443/", false},
		{"https://h/", "http://h/", false},
		{"http://h/", "http://h.evil/", false},
		{"http://h/", "http://h:81/", false},
	} {
		a, errA := url.Parse(c.a)
		b, errB := url.Parse(c.b)
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		if sameOrigin(a, b) != c.want || sameOrigin(b, a) != c.want {
			t.Errorf("%s and %s: want %v", c.a, c.b, c.want)
		}
	}
}

// What the answer to POST may say of the upload's place.
func TestLocation(t *testing.T) {
	for _, c := range []struct{ endpoint, location, want string }{ // want is an address, or what the error says
		{"https://h/files/", "x", "https://h/files/x"},
		{"https://h/files/", "https://other/x", "https://other/x"},
		{"http://h/files/", "https://h/x", "https://h/x"},
		{"https://h/files/", "http://h/files/x", "unencrypted"},
		{"https://h/files/", "http://other/files/x", "unencrypted"},
		{"http://h/files/", "/x?\u009b31m", "not that of a tus server"},
	} {
		made, err := New(Options{Endpoint: c.endpoint})
		if err != nil {
			t.Fatal(err)
		}
		answer := &http.Response{StatusCode: 201, Status: "201 \x1b[31m", Header: http.Header{"Location": {c.location}}}
		got, err := made.locate(answer)
		if err != nil {
			got = err.Error()
			if !final(err) || strings.ContainsAny(got, "\x1b\u009b") || !strings.Contains(got, c.want) {
				t.Errorf("%s to %s: %q, want %q", c.location, c.endpoint, got, c.want)
			}
		} else if got != c.want {
			t.Errorf("%s to %s: %q, want %q", c.location, c.endpoint, got, c.want)
		}
	}
}

func TestBare(t *testing.T) {
	refused := os.NewSyscallError("connect", syscall.ECONNREFUSED)
	for want, err := range map[string]error{
		"connection refused": &url.Error{Op: "Post", URL: "http://h/", Err: &net.OpError{Op: "dial", Net: "tcp", Err: refused}},
		"closed":             &net.OpError{Op: "readfrom", Err: &net.OpError{Op: "write", Err: errors.New("closed")}},
		"remote error: no":   &net.OpError{Op: "remote error", Err: errors.New("no")},
	} {
		if got := bare(err).Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
