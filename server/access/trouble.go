package access

import (
	"log/slog"
	"sync"
)

// trouble logs each distinct error once, and once that it is over. It knows the one that lasts.
type trouble struct {
	log          *slog.Logger
	begins, ends string

	mu   sync.Mutex // guards last
	last string
}

func (t *trouble) say(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := err.Error(); text != t.last {
		t.last = text
		t.log.Error(t.begins, "error", err)
	}
}

func (t *trouble) over() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last != "" {
		t.last = ""
		t.log.Info(t.ends)
	}
}

// lasts says what the trouble is; empty: there is none.
func (t *trouble) lasts() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == "" {
		return ""
	}
	return t.begins
}
