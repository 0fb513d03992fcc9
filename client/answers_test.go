package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"plateau/client"
)

const stubSize = 4 << 10

// startStub is a tus server with one upload, whose first answer to a method is another one: status, then all is well. Of a
// first PATCH that is answered so, it takes half.
func startStub(t *testing.T, method string, status int, change func(http.Header)) (*stub, string) {
	t.Helper()
	s := &stub{}
	offset := int64(0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(r)
		first := s.count(r.Method) == 1
		if r.Method == http.MethodPatch {
			if r.ContentLength != stubSize-offset || len(r.TransferEncoding) > 0 {
				t.Errorf("PATCH has length %d and encoding %q", r.ContentLength, r.TransferEncoding)
			}
			if r.Header.Get("Upload-Offset") != strconv.FormatInt(offset, 10) {
				t.Errorf("PATCH at %s, want %d", r.Header.Get("Upload-Offset"), offset)
			}
			body := io.Reader(r.Body)
			if first {
				body = io.LimitReader(r.Body, stubSize/2) // so that HEAD has something to say
			}
			n, _ := io.Copy(io.Discard, body)
			offset += n
		}
		if first && r.Method == method || first && r.Method == http.MethodPatch && method == http.MethodHead {
			code := status
			if r.Method == http.MethodPatch && method == http.MethodHead {
				code = http.StatusServiceUnavailable // so that HEAD is asked
			}
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			if change != nil {
				change(w.Header())
			}
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "ERR_STUB: so it is\x1b[31m\nsecond line") // shorter than what tusgo reads without panic
			return
		}
		switch r.Method {
		case http.MethodPost:
			offset = 0
			w.Header().Set("Location", fmt.Sprintf("/files/%d", s.count(http.MethodPost)))
			w.WriteHeader(http.StatusCreated)
		case http.MethodHead:
			w.Header().Set("Upload-Offset", strconv.FormatInt(offset, 10))
			w.Header().Set("Upload-Length", strconv.Itoa(stubSize))
			w.Header().Set("Upload-Metadata", "note") // no value: tusgo alone would fail
			w.WriteHeader(http.StatusNoContent)       // which tusgo alone would not take
		case http.MethodPatch:
			w.Header().Set("Upload-Offset", strconv.FormatInt(offset, 10))
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(server.Close)
	return s, server.URL + "/files/"
}

// What each answer leads to: how many POSTs in all, or no success.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const refused = 0
	for _, c := range []struct {
		method   string
		statuses []int
		posts    int
	}{
		{"POST", []int{408, 409, 423, 425, 429, 500, 502, 503, 504, 507}, 2},
		{"POST", []int{301, 302, 307, 308, 400, 401, 403, 404, 405, 410, 412, 413, 415, 501, 505}, refused},
		{"POST", []int{200, 204}, refused}, // without Location
		{"PATCH", []int{301, 302, 404, 408, 409, 410, 423, 425, 429, 500, 501, 502, 503, 504, 507}, 1},
		{"PATCH", []int{200, 204}, 1}, // without Upload-Offset
		{"PATCH", []int{400, 401, 403, 412, 413, 415, 460}, refused},
		{"HEAD", []int{301, 302, 408, 409, 423, 425, 429, 500, 501, 502, 503, 504, 507}, 1},
		{"HEAD", []int{200, 204}, 1}, // without Upload-Offset
		{"HEAD", []int{404, 410}, 2}, // it begins anew
		{"HEAD", []int{400, 401, 403, 412, 413, 460}, refused},
	} {
		for _, status := range c.statuses {
			t.Run(fmt.Sprint(c.method, status), func(t *testing.T) {
				s, endpoint := startStub(t, c.method, status, nil)
				path, _ := sourceFile(t, "a.bin", stubSize)
				uploader, said := quick(t, endpoint, nil)
				_, err := uploader.Upload(bounded(t), path)
				if c.posts == refused {
					if _, ok := errors.AsType[*client.RefusedError](err); !ok {
						t.Errorf("ended with %v, want a refusal", err)
					}
					if len(said.of(client.Waiting)) > 1 || s.count("POST") != 1 {
						t.Errorf("waited %v; %d POSTs", said.of(client.Waiting), s.count("POST"))
					}
					return
				}
				if err != nil || s.count("POST") != c.posts {
					t.Errorf("%v; %d POSTs, want %d", err, s.count("POST"), c.posts)
				}
			})
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method string
		status int
		want   []string
		not    string
	}{
		{"POST", 413, []string{"413", "ERR_STUB: so it is?[31m"}, "second"},
		{"POST", 404, []string{"404", "/files/", "is the address right?"}, "\x1b"},
		{"POST", 301, []string{"http://elsewhere/", "name it"}, "\x1b"},
		{"PATCH", 403, []string{"403", "ERR_STUB: so it is?[31m"}, "\x1b"},
		{"PATCH", 401, []string{"401", "ERR_STUB"}, "no token was sent"}, // it was: to the endpoint's own place
	} {
		_, endpoint := startStub(t, c.method, c.status, func(h http.Header) {
			if c.status < 400 {
				h.Set("Location", "http://elsewhere/")
			}
		})
		path, _ := sourceFile(t, "a.bin", stubSize)
		uploader, _ := quick(t, endpoint, nil)
		_, err := uploader.Upload(bounded(t), path)
		if err == nil {
			t.Fatalf("%s %d: no error", c.method, c.status)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s %d: %q has no %q", c.method, c.status, err, want)
			}
		}
		if strings.Contains(err.Error(), c.not) {
			t.Errorf("%s %d: %q has %q", c.method, c.status, err, c.not)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"7": 7 * time.Second, "100000": 5 * time.Minute, "-1": 0, "soon": 0, "99999999999999999999": 0,
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat):  5 * time.Minute,
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): 0,
	} {
		_, endpoint := startStub(t, "POST", 503, func(h http.Header) { h.Set("Retry-After", text) })
		path, _ := sourceFile(t, "a.bin", stubSize)
		ctx, cancel := context.WithCancel(bounded(t))
		uploader, said := quick(t, endpoint, func(o *client.Options) { o.RetryFor = 0 })
		said.on = func(e client.Event) {
			if e.Kind == client.Waiting {
				cancel()
			}
		}
		_, _ = uploader.Upload(ctx, path)
		cancel()
		w := said.of(client.Waiting)
		if len(w) != 1 || w[0].Wait < want || w[0].Wait > want+time.Second {
			t.Errorf("Retry-After: %s leads to %v, want %v", text, w, want)
		}
	}
}

// A server that forgets whatever it has made is not asked for ever.
func TestVanishesAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := &stub{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.note(r)
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "/files/x")
			w.WriteHeader(http.StatusCreated)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	path, _ := sourceFile(t, "a.bin", stubSize)
	uploader, _ := quick(t, server.URL, nil)
	_, err := uploader.Upload(bounded(t), path)
	if _, ok := errors.AsType[*client.RefusedError](err); !ok || s.count("POST") != 4 {
		t.Errorf("%v after %d POSTs", err, s.count("POST"))
	}
}

func TestWrongOffsets(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(http.Header){
		"offset past the end":   func(h http.Header) { h.Set("Upload-Offset", strconv.Itoa(stubSize+1)) },
		"a negative offset":     func(h http.Header) { h.Set("Upload-Offset", "-1") },
		"another upload's size": func(h http.Header) { h.Set("Upload-Offset", "0"); h.Set("Upload-Length", "1") },
	} {
		_, endpoint := startStub(t, "HEAD", http.StatusOK, change)
		path, _ := sourceFile(t, "a.bin", stubSize)
		uploader, _ := quick(t, endpoint, nil)
		_, err := uploader.Upload(bounded(t), path)
		if _, ok := errors.AsType[*client.RefusedError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	path, _ := sourceFile(t, "a.bin", stubSize)
	uploader, _ := quick(t, server.URL, nil)
	_, err := uploader.Upload(bounded(t), path)
	if _, ok := errors.AsType[*client.RefusedError](err); !ok || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
}

// A server without TLS, of HTTP or of something else, is a wrong address.
func TestNoTLS(t *testing.T) {
	t.Parallel()
	plain := httptest.NewUnstartedServer(http.NotFoundHandler())
	plain.Config.ErrorLog = log.New(io.Discard, "", 0)
	plain.Start()
	defer plain.Close()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := other.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_10.0\r\n")
			_, _ = io.CopyN(io.Discard, conn, 1)
			conn.Close()
		}
	})
	defer serving.Wait()
	defer other.Close()
	for address, want := range map[string]string{
		plain.Listener.Addr().String(): "HTTP response to HTTPS client", other.Addr().String(): "TLS",
	} {
		path, _ := sourceFile(t, "a.bin", stubSize)
		uploader, said := quick(t, "https://"+address, func(o *client.Options) { o.RetryFor = time.Second })
		_, err := uploader.Upload(bounded(t), path)
		if _, ok := errors.AsType[*client.RefusedError](err); !ok || !strings.Contains(fmt.Sprint(err), want) || len(said.of(client.Waiting)) > 0 {
			t.Errorf("%T %v, want %q; waited %v", err, err, want, said.of(client.Waiting))
		}
	}
}

// An answer counts though its text never comes to its end.
func TestStandingText(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "no way")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	path, _ := sourceFile(t, "a.bin", stubSize)
	uploader, _ := quick(t, server.URL, func(o *client.Options) { o.Stall, o.RetryFor = 200*time.Millisecond, time.Second })
	_, err := uploader.Upload(bounded(t), path)
	if _, ok := errors.AsType[*client.RefusedError](err); !ok || !strings.Contains(err.Error(), "401") || !strings.Contains(err.Error(), "no way") {
		t.Errorf("ended with %v", err)
	}
}
