package profiling

import (
	"net/http"
	"time"
)

// page is a client that listens.
type page struct {
	events  chan []byte // closed when the page is dropped
	control *http.ResponseController
}

// drop forgets a page that is open and cuts it off, even in the middle of a write. l.mu is held.
func (l *Live) drop(p *page) {
	delete(l.pages, p)
	close(p.events)
	_ = p.control.SetWriteDeadline(time.Unix(1, 0))
}

// join takes a page in, or says why not.
func (l *Live) join(p *page) (refusal string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ended:
		return "the server is stopping"
	case len(l.pages) >= l.o.Pages:
		return "too many of these pages are open: close one that nobody looks at"
	}
	l.pages[p] = struct{}{}
	l.fresh = true
	return ""
}

// leave forgets a page. After it nobody touches the page's connection.
func (l *Live) leave(p *page) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pages, p)
}

// ServeHTTP is one page's stream of events. It begins with the samples that the client has not heard: those after its
// Last-Event-ID, or after ?since=, or all.
func (l *Live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	since, err := readSince(r)
	if err != nil {
		http.Error(w, "since must be in milliseconds since 1970", http.StatusBadRequest)
		return
	}
	p := &page{events: make(chan []byte, pageBacklog), control: http.NewResponseController(w)}
	if refusal := l.join(p); refusal != "" {
		w.Header().Set("Retry-After", "10")
		http.Error(w, refusal, http.StatusServiceUnavailable)
		return
	}
	defer l.leave(p)
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Accel-Buffering", "no") // a proxy such as nginx would keep events back

	if !l.write(w, p, []byte("retry: 1000\n\n")) {
		return
	}
	// The page has joined already: what is sampled meanwhile comes twice, never not at all.
	missed, next := l.rowsEvent(l.o.History.after(since))
	for missed != nil {
		if !l.write(w, p, missed) {
			return
		}
		missed, next = l.rowsEvent(next)
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case text, on := <-p.events:
			if !on || !l.write(w, p, text) {
				return
			}
		}
	}
}

// write sends an event, unless the page was dropped or has left.
func (l *Live) write(w http.ResponseWriter, p *page, text []byte) bool {
	l.mu.Lock()
	_, there := l.pages[p]
	if there { // else the deadline has passed for good
		_ = p.control.SetWriteDeadline(time.Now().Add(writeWithin))
	}
	l.mu.Unlock()
	if !there {
		return false
	}
	if _, err := w.Write(text); err != nil {
		return false
	}
	return p.control.Flush() == nil
}
