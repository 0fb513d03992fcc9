package e2e

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
)

// lineLog keeps what a process prints, hands new lines to whoever follows, and shows its end when the test has failed.
type lineLog struct {
	mu        sync.Mutex
	text      bytes.Buffer
	rest      []byte
	followers []chan []byte
	most      int // bytes of text that are kept, and as many again at times; 0: all
}

// forget makes the log keep its last bytes only.
func (l *lineLog) forget(most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.most = most
}

func newLineLog(t *testing.T, name string) *lineLog {
	l := &lineLog{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of what %s said:\n%s", name, l.tail(60))
		}
	})
	return l
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	if l.most > 0 && l.text.Len() > 2*l.most {
		l.text.Next(l.text.Len() - l.most)
	}
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		for _, f := range l.followers {
			select {
			case f <- bytes.Clone(line):
			default: // nobody reads so slowly; a lost line would show as a start that timed out
			}
		}
		l.rest = rest
	}
}

// endLine ends a line that a killed process has not ended, so that the next process begins one of its own.
func (l *lineLog) endLine() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text := l.text.Bytes(); len(text) > 0 && text[len(text)-1] != '\n' {
		l.text.WriteByte('\n')
	}
	l.rest = nil
}

// follow returns the lines printed from now on, until stop is called.
func (l *lineLog) follow() (lines <-chan []byte, stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = nil // of a line that a killed process did not end
	f := make(chan []byte, 4096)
	l.followers = append(l.followers, f)
	return f, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.followers = slices.DeleteFunc(l.followers, func(c chan []byte) bool { return c == f })
	}
}

func (l *lineLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lineLog) tail(n int) string {
	lines := strings.SplitAfter(l.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
