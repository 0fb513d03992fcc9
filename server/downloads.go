package server

import (
	"io"
	"math"
	"net/http"
	"sync"
	"time"
)

const (
	// downloadSlice is how much of a download is sent under one write deadline.
	downloadSlice = 256 << 10
	// downloadTime is how long a client may take for a slice. The kernel calls a
	// socket writable only after a good part of its buffer is empty, which can
	// be megabytes; so this is far more than a slice needs.
	downloadTime = 5 * time.Minute
)

// downloads are those that run, so that Stop can cut them: clients resume them
// by range.
type downloads struct {
	mu       sync.Mutex // guards what follows, and the write deadlines
	running  map[*response]struct{}
	stopping bool
}

func (d *downloads) begin(w *response) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running == nil {
		d.running = make(map[*response]struct{})
	}
	d.running[w] = struct{}{}
}

func (d *downloads) end(w *response) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.running, w)
}

// extend puts the write deadline of w ahead, or in the past after stop.
func (d *downloads) extend(w *response) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	deadline := time.Now().Add(downloadTime)
	if d.stopping {
		deadline = longAgo
		w.endReading()
	}
	return http.NewResponseController(w.ResponseWriter).SetWriteDeadline(deadline)
}

// stop cuts every download that runs, and every one that comes after.
func (d *downloads) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopping = true
	for w := range d.running {
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(longAgo) // else it has ended
		w.endReading()
	}
}

// endReading is for a download that waits for its bytes, not for its client.
func (w *response) endReading() {
	if w.stopSending != nil {
		w.stopSending()
	}
}

// ReadFrom is io.ReaderFrom: downloads reach the socket by sendfile. A client
// that takes next to nothing for too long is left.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.sending.begin(w)
	defer w.sending.end(w)
	left := int64(math.MaxInt64)
	if limited, ok := src.(*io.LimitedReader); ok { // the socket takes a file within one limit, not two
		src, left = limited.R, limited.N
		defer func() { limited.N = left }()
	}
	var sent int64
	for left > 0 {
		if w.broken = w.sending.extend(w); w.broken != nil {
			return sent, w.broken
		}
		n, err := io.CopyN(w.ResponseWriter, src, min(downloadSlice, left))
		sent += n
		left -= n
		w.sent += n
		if err == io.EOF {
			break
		}
		if err != nil {
			w.broken = err
			return sent, err
		}
	}
	return sent, nil
}
