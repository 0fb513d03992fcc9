package client_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"plateau/client"
)

// A peer that stops reading, or never answers, is left, and the upload goes on elsewhere.
func TestStall(t *testing.T) {
	t.Parallel()
	const size = 32 << 20 // more than sockets hold
	for reads, want := range map[bool]string{true: "did not answer", false: "stood still"} {
		t.Run(fmt.Sprintf("reads %v", reads), func(t *testing.T) {
			s, over := &stub{}, make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s.note(r)
				switch {
				case r.Method == http.MethodPost:
					w.Header().Set("Location", "/files/x")
					w.WriteHeader(http.StatusCreated)
					return
				case r.Method == http.MethodHead:
					w.Header().Set("Upload-Offset", "0")
					return
				case s.count(http.MethodPatch) == 1:
					if reads {
						_, _ = io.Copy(io.Discard, r.Body)
					}
					<-over
					return
				}
				n, _ := io.Copy(io.Discard, r.Body)
				w.Header().Set("Upload-Offset", strconv.FormatInt(n, 10))
				w.WriteHeader(http.StatusNoContent)
			}))
			defer server.Close()
			defer close(over)
			path, _ := sourceFile(t, "a.bin", size)
			uploader, said := quick(t, server.URL, func(o *client.Options) { o.Stall, o.Answer = 300*time.Millisecond, 300*time.Millisecond })
			if _, err := uploader.Upload(bounded(t), path); err != nil {
				t.Fatal(err)
			}
			if w := said.of(client.Waiting); len(w) == 0 || !strings.Contains(w[0].Err.Error(), want) || s.count("POST") != 1 {
				t.Errorf("waited %v; %d POSTs", w, s.count("POST"))
			}
		})
	}
}

// A peer that is slow, but takes something now and then, is left in peace, however long it takes.
func TestSlowIsNoStall(t *testing.T) {
	t.Parallel()
	const size, steps, stall = 32 << 20, 20, time.Second
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "/files/x")
			w.WriteHeader(http.StatusCreated)
			return
		}
		tick := time.NewTicker(stall * 3 / 2 / steps)
		defer tick.Stop()
		n := int64(0)
		for range steps {
			m, _ := io.CopyN(io.Discard, r.Body, size/steps)
			n += m
			<-tick.C
		}
		m, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("Upload-Offset", strconv.FormatInt(n+m, 10))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	path, _ := sourceFile(t, "a.bin", size)
	uploader, said := quick(t, server.URL, func(o *client.Options) { o.Stall = stall })
	begin := time.Now()
	if _, err := uploader.Upload(bounded(t), path); err != nil || len(said.of(client.Waiting)) > 0 || time.Since(begin) < stall {
		t.Errorf("%v; waited %v; took %s", err, said.of(client.Waiting), time.Since(begin))
	}
}

// A server that has all of a file may take longer to answer than it may leave a connection alone.
func TestSlowAnswer(t *testing.T) {
	t.Parallel()
	const stall = 300 * time.Millisecond
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "/files/x")
			w.WriteHeader(http.StatusCreated)
			return
		}
		n, _ := io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(3 * stall): // it writes it down, say
		case <-r.Context().Done():
		}
		w.Header().Set("Upload-Offset", strconv.FormatInt(n, 10))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	path, _ := sourceFile(t, "a.bin", stubSize)
	uploader, said := quick(t, server.URL, func(o *client.Options) { o.Stall, o.Answer = stall, patience })
	if _, err := uploader.Upload(bounded(t), path); err != nil || len(said.of(client.Waiting)) > 0 {
		t.Errorf("%v; waited %v", err, said.of(client.Waiting))
	}
}

// A path that is so slow that it takes longer than the limit to send what a system likes to hold back.
func TestSlowPathIsNoStall(t *testing.T) {
	t.Parallel()
	const size, block, every, steps = 24 << 20, 32 << 10, 40 * time.Millisecond, 60
	listener, err := (&net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		return conn.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 256<<10) // so that the sender's side fills
		})
	}}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPost:
			w.Header().Set("Location", "/files/x")
			w.WriteHeader(http.StatusCreated)
			return
		case http.MethodHead: // it stood still: enough to fail
			w.WriteHeader(http.StatusForbidden)
			return
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		n := int64(0)
		for range steps {
			m, _ := io.CopyN(io.Discard, r.Body, block)
			n += m
			<-tick.C
		}
		m, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("Upload-Offset", strconv.FormatInt(n+m, 10))
		w.WriteHeader(http.StatusNoContent)
	}))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	defer server.Close()
	path, _ := sourceFile(t, "a.bin", size)
	uploader, said := quick(t, server.URL, func(o *client.Options) { o.Stall = 800 * time.Millisecond })
	if _, err := uploader.Upload(bounded(t), path); err != nil || len(said.of(client.Waiting)) > 0 {
		t.Errorf("%v; waited %v", err, said.of(client.Waiting))
	}
}
