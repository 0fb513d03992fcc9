package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// s3Way is a way that uploads can go on S3.
type s3Way struct {
	name string
	size int
	// long: CI leaves it out.
	long bool
	// stride: CI takes only each so-manieth call, from one on that is drawn.
	stride int
	// held says that events wait until the way is at its end.
	held bool
	goes func(j *journey, content []byte)
}

// s3Ways are those that differ in their calls.
func s3Ways() []s3Way {
	const mb = 1_000_000
	return []s3Way{
		{name: "creation with 4 KiB", size: 4096, goes: func(j *journey, content []byte) {
			j.upload(content, leg{inPOST: len(content)})
		}},
		{name: "POST and PATCH of 4 KiB", size: 4096, goes: func(j *journey, content []byte) {
			j.upload(content, leg{inPOST: -1})
		}},
		{name: "three PATCHes", size: 300_000, goes: func(j *journey, content []byte) {
			j.upload(content, leg{inPOST: -1, chunk: 100_000})
		}},
		{name: "20 MB in one PATCH", size: 20 * mb, stride: 3, goes: func(j *journey, content []byte) {
			j.upload(content, leg{inPOST: -1})
		}},
		{name: "20 MB in chunks", size: 20 * mb, long: true, goes: func(j *journey, content []byte) {
			j.upload(content, leg{inPOST: 3 * mb, chunk: 6 * mb})
		}},
		{name: "20 MB of unknown length", size: 20 * mb, long: true, goes: func(j *journey, content []byte) {
			j.upload(content, leg{inPOST: -1, chunk: 7 * mb, deferred: true})
		}},
		{name: "unknown length", size: 300_000, goes: func(j *journey, content []byte) {
			j.upload(content, leg{inPOST: -1, chunk: 200_000, deferred: true})
		}},
		{name: "an empty upload", size: 0, goes: func(j *journey, content []byte) {
			j.upload(content, leg{inPOST: -1})
		}},
		{name: "a concatenation of small parts", size: 200_000, stride: 4, goes: func(j *journey, content []byte) {
			join(j, content, leg{inPOST: -1, partial: true})
		}},
		{name: "a concatenation of large parts", size: 11 * mb, stride: 6, goes: func(j *journey, content []byte) {
			join(j, content, leg{inPOST: -1, partial: true})
		}},
		{name: "a concatenation of parts with parts", size: 24 * mb, long: true, goes: func(j *journey, content []byte) {
			join(j, content, leg{inPOST: -1, chunk: 7 * mb, partial: true})
		}},
		{name: "a form", size: 200_000, goes: func(j *journey, content []byte) {
			j.form(content[:half(content)], content[half(content):])
		}},
		{name: "a removal", size: 100_000, held: true, stride: 2, goes: func(j *journey, content []byte) {
			j.remove(j.upload(content, leg{inPOST: -1}))
		}},
	}
}

func join(j *journey, content []byte, l leg) {
	j.t.Helper()
	first, second := content[:half(content)], content[half(content):]
	j.join(content, j.upload(first, l), j.upload(second, l))
}

// listener is a webhook that prints what it hears as the log sink would. While it is deaf, it answers 503.
type listener struct {
	server *httptest.Server
	deaf   atomic.Bool
	out    *lineLog
}

func listen(t *testing.T) *listener {
	t.Helper()
	l := &listener{out: &lineLog{}}
	l.server = httptest.NewServer(l)
	t.Cleanup(l.server.Close)
	return l
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil || l.deaf.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	said := map[string]any{"data": json.RawMessage(data)}
	for _, name := range []string{"id", "type", "subject", "time"} {
		said[name] = r.Header.Get("ce-" + name)
	}
	line, err := json.Marshal(said)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	fmt.Fprintf(l.out, "%s\n", line)
}
