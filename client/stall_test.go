package client_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"plateau/client"
)

// A peer that stops reading, or never answers, is left, and the upload goes on elsewhere.
func TestStall(t *testing.T) {
	t.Parallel()
	const size = 32 << 20 // more than sockets hold
	for _, reads := range []bool{true, false} {
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
			uploader, said := quick(t, server.URL, func(o *client.Options) { o.Stall = 300 * time.Millisecond })
			if _, err := uploader.Upload(bounded(t), path); err != nil {
				t.Fatal(err)
			}
			if w := said.of(client.Waiting); len(w) == 0 || !strings.Contains(w[0].Err.Error(), "stood still") || s.count("POST") != 1 {
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
