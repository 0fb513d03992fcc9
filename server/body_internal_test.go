package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"plateau/store"
)

// deadlines is a ResponseWriter that notes the deadlines that are set.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.read = append(d.read, t)
	return nil
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.write = append(d.write, t)
	return nil
}

// Stop and take-overs may come when a request has just ended: its connection
// then belongs to another request, or to nobody.
func TestCutAfterTheRequestHasEnded(t *testing.T) {
	b := &bodies{running: make(map[*body]struct{})}
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	in, err := b.admit(w, httptest.NewRequest("PATCH", "/", strings.NewReader("unread")))
	if err != nil {
		t.Fatal(err)
	}
	b.release(in)
	in.Cut(store.TakenOver())
	if len(w.read) > 0 {
		t.Errorf("read deadlines after the end: %v", w.read)
	}
}

// Each slice of a download has its own write deadline, and Stop cuts it.
func TestDownloadDeadlines(t *testing.T) {
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	var running downloads
	w := &response{ResponseWriter: d, request: &store.Request{Method: http.MethodGet}, sending: &running}
	text := strings.Repeat("x", 2*downloadSlice+1)
	if n, err := w.ReadFrom(strings.NewReader(text)); err != nil || n != int64(len(text)) {
		t.Fatal(n, err)
	}
	if d.Body.String() != text || w.sent != int64(len(text)) {
		t.Error("the bytes differ")
	}
	if len(d.write) < 4 || d.write[len(d.write)-1].Before(time.Now()) { // the header's, and one a slice
		t.Errorf("write deadlines: %v", d.write)
	}
	if len(running.running) != 0 {
		t.Error("the download is still counted")
	}
	running.begin(w)
	running.stop()
	if last := d.write[len(d.write)-1]; last.After(time.Now()) {
		t.Errorf("after stop the write deadline is %v", last)
	}
}
