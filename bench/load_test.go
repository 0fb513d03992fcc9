package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// uploadServer answers as a tus server does, except that it lets spoil write the n-th answer to a request with a body.
func uploadServer(t *testing.T, spoil func(w http.ResponseWriter, n int64) bool) (addr string, received *atomic.Int64) {
	received = new(atomic.Int64)
	var answers atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return // one connection's failure ends the others; whoever counts sees what is missing
		}
		received.Add(n)
		if n > 0 && spoil != nil && spoil(w, answers.Add(1)) {
			return
		}
		w.Header().Set("Upload-Offset", fmt.Sprint(n))
		if r.Method == "PATCH" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("Location", "http://"+r.Host+"/files/1")
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), received
}

func TestLoadSendsEveryUpload(t *testing.T) {
	for _, separate := range []bool{false, true} {
		addr, received := uploadServer(t, nil)
		var sampled atomic.Int64
		l := load{
			addr: addr, uploads: 200, connections: 3, content: make([]byte, smallSize), separate: separate,
			sample: func(int) error { sampled.Add(1); return nil },
		}
		if _, err := l.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := received.Load(), int64(200*smallSize); got != want {
			t.Errorf("separate %t: %d bytes arrived, not %d", separate, got, want)
		}
		if sampled.Load() != samples {
			t.Errorf("separate %t: %d samples, not %d", separate, sampled.Load(), samples)
		}
	}
}

func TestLoadSendsPieces(t *testing.T) {
	var mu sync.Mutex // guards heard
	var heard []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it is missed below
		}
		if r.Method == "POST" {
			w.Header().Set("Location", "/files/1")
			w.WriteHeader(http.StatusCreated)
			return
		}
		offset, _ := strconv.Atoi(r.Header.Get("Upload-Offset")) // 0 is wrong for all but the first
		mu.Lock()
		heard = append(heard, fmt.Sprintf("%d:%s", offset, body))
		mu.Unlock()
		w.Header().Set("Upload-Offset", strconv.Itoa(offset+len(body)))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	l := load{
		addr: server.Listener.Addr().String(), uploads: 1, connections: 1, content: []byte("01234567"), separate: true, piece: 3,
	}
	if _, err := l.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"0:012", "3:345", "6:67"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}

func TestLoadFailsOnAWrongAnswer(t *testing.T) {
	for want, answer := range map[string]func(w http.ResponseWriter){
		"answer 500, not": func(w http.ResponseWriter) { w.WriteHeader(500) },
		"Upload-Offset 4095, not 4096": func(w http.ResponseWriter) {
			w.Header().Set("Upload-Offset", "4095")
			w.Header().Set("Location", "/files/1")
			w.WriteHeader(201)
		},
		"Upload-Offset -1, not 4096": func(w http.ResponseWriter) { w.WriteHeader(201) },
		"without Location": func(w http.ResponseWriter) {
			w.Header().Set("Upload-Offset", "4096")
			w.WriteHeader(201)
		},
		"ends the connection": func(w http.ResponseWriter) {
			w.Header().Set("Upload-Offset", "4096")
			w.Header().Set("Location", "/files/1")
			w.Header().Set("Connection", "close")
			w.WriteHeader(201)
		},
	} {
		addr, _ := uploadServer(t, func(w http.ResponseWriter, n int64) bool {
			if n == 7 {
				answer(w)
			}
			return n == 7
		})
		l := load{addr: addr, uploads: 40, connections: 2, content: make([]byte, smallSize), sample: func(int) error { return nil }}
		if _, err := l.run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}
