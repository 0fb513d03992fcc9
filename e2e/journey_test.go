package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// journey is a client whose server may be killed at any moment, or whose server's storage fails. It goes on as tus-js-client does: by
// HEAD and a PATCH from the offset that it hears; what it never heard of it creates again. An answer after which
// tus-js-client would begin anew fails the test, and so does an offset below one that was acknowledged.
type journey struct {
	t      *testing.T
	ctx    context.Context
	server *plateau
	files  string // where uploads are created; empty: at the server itself
	// killed is closed when the server was killed, after which the journey starts it again; nil: it is never killed, and always
	// answers.
	killed <-chan struct{}
	// restart starts the server after a kill.
	restart func()
	// hindered is called when an answer is no success.
	hindered func()

	acknowledged map[string]int64  // offsets, by id
	finished     map[string][]byte // the content of uploads of which a success was heard, by id; parts too
	partial      map[string]bool   // of these
	removed      map[string]bool   // of these
	troubles     []string          // what was heard beside success
}

func newJourney(ctx context.Context, t *testing.T, server *plateau) *journey {
	return &journey{
		t: t, ctx: ctx, server: server, hindered: func() {},
		restart: func() {
			if server.alive() {
				t.Fatal("the server was started again, and doesn't answer")
			}
			wantNoNames(t, server.data)
			server.start(ctx, t)
		},
		acknowledged: map[string]int64{}, finished: map[string][]byte{}, partial: map[string]bool{}, removed: map[string]bool{},
	}
}

// leg is how an upload is sent.
type leg struct {
	inPOST   int  // bytes that the POST carries; -1: it has no body
	chunk    int  // bytes of one PATCH; 0: all that is left
	deferred bool // the length is said with the last PATCH
	partial  bool
}

func (j *journey) at() string { return cmp.Or(j.files, j.server.files) }

// do makes a request until there is an answer.
func (j *journey) do(method, address string, h headers, body []byte) answer {
	j.t.Helper()
	for {
		a := newTus(j.ctx, j.at()).do(method, address, h, body)
		if a.err == nil {
			j.look(method, a)
			return a
		}
		if j.killed == nil {
			j.t.Fatalf("%s: no answer: %v", method, a.err)
		}
		j.revive()
		if method != http.MethodHead && method != http.MethodGet {
			return a // whether it was done, the client does not know
		}
	}
}

// revive starts the server again that was killed.
func (j *journey) revive() {
	j.t.Helper()
	select {
	case <-j.killed:
	case <-j.ctx.Done():
		j.t.Fatalf("the server doesn't answer, and nobody has killed it: %v", context.Cause(j.ctx))
	}
	j.restart()
}

// look wants an answer to be one of those that DESIGN allows while the storage is in trouble.
func (j *journey) look(method string, a answer) {
	j.t.Helper()
	if a.status/100 == 2 {
		return
	}
	j.troubles = append(j.troubles, fmt.Sprintf("%s %v", method, a))
	may := []int{http.StatusLocked, http.StatusServiceUnavailable}
	switch method {
	case http.MethodHead:
		may = []int{http.StatusLocked}
	case http.MethodDelete:
		may = append(may, http.StatusNotFound) // an earlier one has done it
	}
	if !slices.Contains(may, a.status) {
		j.t.Errorf("%s: %v, want one of %v", method, a, may)
	} else if a.status != http.StatusNotFound && a.header.Get("Retry-After") == "" && !strings.HasPrefix(a.body, "[") { // a form of which some is stored
		j.t.Errorf("%s: %v without Retry-After", method, a)
	}
	if a.header.Get("Upload-Offset") != "" {
		j.t.Errorf("%s: %v with an Upload-Offset", method, a)
	}
	j.hindered()
}

// again waits a little, as clients do, before something is tried again.
func (j *journey) again() {
	j.t.Helper()
	if j.t.Failed() {
		j.t.FailNow()
	}
	select {
	case <-time.After(20 * time.Millisecond):
	case <-j.ctx.Done():
		j.t.Fatalf("%v; heard so far: %q", context.Cause(j.ctx), j.troubles)
	}
}

// upload sends one upload to its end and returns its address.
func (j *journey) upload(content []byte, l leg) string {
	j.t.Helper()
	address, offset := j.create(content, l)
	j.send(address, offset, content, l)
	return address
}

// create makes an upload and returns its address and what was acknowledged.
func (j *journey) create(content []byte, l leg) (address string, offset int) {
	j.t.Helper()
	h := headers{"Upload-Length": sizeOf(content)}
	if l.deferred {
		h = headers{"Upload-Defer-Length": "1"}
	}
	if l.partial {
		h["Upload-Concat"] = "partial"
	}
	var body []byte
	if l.inPOST >= 0 {
		h["Content-Type"] = "application/offset+octet-stream"
		body = content[:l.inPOST]
	}
	for {
		a := j.do(http.MethodPost, j.at(), h, body)
		if a.err != nil || a.status != http.StatusCreated {
			j.again()
			continue
		}
		address := a.header.Get("Location")
		if l.inPOST >= 0 {
			offset = int(a.offset())
		}
		j.acknowledge("POST", address, offset, content, l)
		return address, offset
	}
}

// acknowledge notes an offset that was heard.
func (j *journey) acknowledge(method, address string, offset int, content []byte, l leg) {
	j.t.Helper()
	id := idOf(address)
	if int64(offset) < j.acknowledged[id] || offset > len(content) {
		j.t.Fatalf("%s says offset %d, but %d had been acknowledged, of %d bytes", method, offset, j.acknowledged[id], len(content))
	}
	j.acknowledged[id] = int64(offset)
	if offset == len(content) && !l.deferred {
		j.finished[id], j.partial[id] = content, l.partial
	}
}

// send goes on with an upload from an offset, to its end.
func (j *journey) send(address string, offset int, content []byte, l leg) {
	j.t.Helper()
	for offset < len(content) || l.deferred {
		next := len(content)
		if l.chunk > 0 {
			next = min(next, offset+l.chunk)
		}
		h := headers{"Upload-Offset": strconv.Itoa(offset), "Content-Type": "application/offset+octet-stream"}
		whole := l
		if next == len(content) && l.deferred {
			h["Upload-Length"] = sizeOf(content)
			whole.deferred = false
		}
		a := j.do(http.MethodPatch, address, h, content[offset:next])
		if a.err == nil && a.status == http.StatusNoContent {
			if a.offset() != int64(next) {
				j.t.Fatalf("PATCH from %d to %d: %v with offset %d", offset, next, a, a.offset())
			}
			l = whole
			offset = next
			j.acknowledge("PATCH", address, offset, content, l)
			continue
		}
		j.again()
		head := j.head(address)
		l.deferred = head.header.Get("Upload-Defer-Length") != ""
		offset = int(head.offset())
		j.acknowledge("HEAD", address, offset, content, l)
	}
}

// head asks for an upload's offset until it is told.
func (j *journey) head(address string) answer {
	j.t.Helper()
	for {
		a := j.do(http.MethodHead, address, nil, nil)
		if a.status == http.StatusOK {
			return a
		}
		j.again()
	}
}

// join makes the final of these parts, twice: it is one upload.
func (j *journey) join(content []byte, parts ...string) string {
	j.t.Helper()
	var address string
	for range 2 {
		for {
			a := j.do(http.MethodPost, j.at(), headers{"Upload-Concat": "final;" + strings.Join(parts, " ")}, nil)
			if a.err != nil || a.status != http.StatusCreated {
				j.again()
				continue
			}
			location := a.header.Get("Location")
			if address != "" && address != location {
				j.t.Errorf("the final posted again is at %s, not at %s", location, address)
			}
			address = location
			break
		}
	}
	j.finished[idOf(address)] = content
	return address
}

// form sends a form with these files until all of them are stored.
func (j *journey) form(files ...[]byte) {
	j.t.Helper()
	var form []byte
	for i, content := range files {
		form = fmt.Appendf(form, "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%d\"\r\n\r\n%s\r\n", i, content)
	}
	form = append(form, "--B--\r\n"...)
	for {
		a := j.do(http.MethodPost, strings.TrimSuffix(j.at(), "files/")+"upload", headers{"Content-Type": "multipart/form-data; boundary=B"}, form)
		if a.err != nil || a.status != http.StatusCreated {
			j.again()
			continue
		}
		var list []struct{ ID string }
		if err := json.Unmarshal([]byte(a.body), &list); err != nil || len(list) != len(files) {
			j.t.Fatalf("the form's answer: %v: %v", err, a)
		}
		for i, file := range list {
			j.finished[file.ID] = files[i]
		}
		return
	}
}

// remove removes an upload.
func (j *journey) remove(address string) {
	j.t.Helper()
	for {
		a := j.do(http.MethodDelete, address, nil, nil)
		if a.err == nil && (a.status == http.StatusNoContent || a.status == http.StatusNotFound) {
			j.removed[idOf(address)] = true
			return
		}
		j.again()
	}
}
