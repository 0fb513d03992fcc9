package profiling

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// writeWithin is how long one write to a client may take.
	writeWithin = 10 * time.Second
	// pageBacklog is how many events may wait for a page: some seconds of them. A page that has more is dropped, and comes back.
	pageBacklog = 16
	// uploadsEvery is how many samples come between two lists of uploads.
	uploadsEvery = 2
)

// LiveOptions are what a [Live] needs. The zero value of a field with a default means the default.
type LiveOptions struct {
	History *History // required
	// Uploads returns those in flight, in any order. It is called by one goroutine, and only while a page is open.
	// Default: none.
	Uploads func() []UploadInFlight
	// Warnings returns what somebody should see to, the gravest first. It is called as Uploads is. Default: none.
	Warnings func() []Warning
	// Pages is how many may be open at once. Default 20.
	Pages int
}

// Validate reports everything that is wrong with the options.
func (o LiveOptions) Validate() error {
	var errs []error
	if o.History == nil {
		errs = append(errs, errors.New("live: History is nil"))
	}
	if o.Pages < 0 {
		errs = append(errs, errors.New("live: Pages is negative"))
	}
	return errors.Join(errs...)
}

func (o LiveOptions) withDefaults() LiveOptions {
	if o.Uploads == nil {
		o.Uploads = func() []UploadInFlight { return nil }
	}
	if o.Warnings == nil {
		o.Warnings = func() []Warning { return nil }
	}
	if o.Pages == 0 {
		o.Pages = 20
	}
	return o
}

// Live tells open pages what a [History] samples, which uploads are in flight, and what to see to, as server-sent events:
//
//	event: rows      the new samples, as in the history's answer; its id is the time of the last one
//	event: uploads   {"total":…,"uploads":[…]}, the oldest 100, every other sample
//	event: warnings  [{"level":…,"text":…}], when they have changed, and first of all
//
// One goroutine makes each event once for all pages; while none is open it makes nothing. It never waits for a page: one whose
// connection does not take what it is sent is dropped, and goes on from what it heard last when it comes again. A page costs
// two goroutines and some 50 KB. One too many hears 503.
type Live struct {
	o LiveOptions

	mu    sync.Mutex // guards what follows
	pages map[*page]struct{}
	fresh bool // a page has come since the last list of uploads
	ended bool
}

// NewLive returns a Live. It speaks while [Live.Run] runs.
func NewLive(o LiveOptions) (*Live, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Live{o: o.withDefaults(), pages: map[*page]struct{}{}}, nil
}

// Run sends events until ctx ends. Then it cuts all pages off, so that no stopping server waits for them, and later ones hear
// 503. It may run once.
func (l *Live) Run(ctx context.Context) {
	defer l.end()
	var said []byte // the last warnings
	sampled, next := l.o.History.next()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-sampled:
		}
		var taken uint64
		sampled, taken = l.o.History.next()
		open, fresh := l.open()
		if !open {
			next = taken
			continue
		}
		var rows []byte
		rows, next = l.rowsEvent(next)
		l.send(rows)
		if !fresh && n%uploadsEvery > 0 {
			continue
		}
		l.send(uploadsEvent(l.o.Uploads()))
		if warnings := warningsEvent(l.o.Warnings()); fresh || !bytes.Equal(warnings, said) {
			l.send(warnings)
			said = warnings
		}
	}
}

func (l *Live) open() (open, fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh, l.fresh = l.fresh, false
	return len(l.pages) > 0, fresh
}

// rowsEvent is the event of the samples from number from on, nil if there is none.
func (l *Live) rowsEvent(from uint64) (text []byte, next uint64) {
	rows, next, last := l.o.History.appendRows(nil, from)
	if len(rows) == len("[]") {
		return nil, next
	}
	return event("rows", strconv.FormatInt(last, 10), rows), next
}

// event is one server-sent event. The data has no line breaks.
func event(name, id string, data []byte) []byte {
	text := make([]byte, 0, len(data)+len(name)+len(id)+32)
	if id != "" {
		text = append(append(append(text, "id: "...), id...), '\n')
	}
	text = append(append(append(text, "event: "...), name...), '\n')
	return append(append(append(text, "data: "...), data...), "\n\n"...)
}

// send hands an event to all pages, and drops those that have too many already.
func (l *Live) send(text []byte) {
	if text == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for p := range l.pages {
		select {
		case p.events <- text:
		default:
			l.drop(p)
		}
	}
}

// end drops all pages.
func (l *Live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for p := range l.pages {
		l.drop(p)
	}
}

// Handler serves /api/live, which is this, and /api/history, which is the history.
func (l *Live) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/live", getOnly(l.ServeHTTP))
	mux.HandleFunc("/api/history", getOnly(l.o.History.ServeHTTP))
	return mux
}
