package hooks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"plateau/hooks"
)

func testEvents(t *testing.T, from, to, padding int) (events []hooks.Event) {
	t.Helper()
	for n := from; n < to; n++ {
		e, err := hooks.NewEvent("/plateau/test", numbered(n, padding))
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func TestLogWritesLines(t *testing.T) {
	var out bytes.Buffer
	l := hooks.NewLog(&out)
	events := testEvents(t, 0, 3, 0)
	events[2].Trace = traceparent
	if errs := l.Send(t.Context(), events); errs != nil {
		t.Fatal(errs)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("the log is %q", out.String())
	}
	for i, line := range lines {
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		data, _ := got["data"].(map[string]any)
		trace, _ := got["traceparent"].(string)
		if got["id"] != events[i].ID || got["specversion"] != "1.0" || got["type"] != hooks.Type || data["id"] != events[i].Subject ||
			trace != events[i].Trace || len(got) != map[bool]int{true: 9, false: 8}[trace != ""] {
			t.Errorf("line %d is %s", i, line)
		}
	}
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// shortWriter takes so many bytes, and fails then.
type shortWriter struct {
	bytes.Buffer
	room int
}

func (w *shortWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.room)
	w.room -= n
	w.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errors.New("told to fail")
	}
	return n, nil
}

func TestLogCutOff(t *testing.T) {
	w := &shortWriter{room: 20}
	l := hooks.NewLog(w)
	events := testEvents(t, 0, 2, 0)
	errs := l.Send(t.Context(), events)
	if len(errs) != 2 || errs[0] == nil || errs[1] == nil || errors.Is(errs[0], hooks.ErrPoison) {
		t.Fatalf("errors are %v", errs)
	}
	w.room = 1 << 20
	if errs := l.Send(t.Context(), events); errs != nil {
		t.Fatal(errs)
	}
	lines := strings.Split(w.String(), "\n")
	if len(lines) != 4 || !json.Valid([]byte(lines[1])) || !json.Valid([]byte(lines[2])) {
		t.Errorf("the log is %q", w.String())
	}
}

func TestLogBrokenPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r.Close()
	errs := hooks.NewLog(w).Send(t.Context(), testEvents(t, 0, 1, 0))
	if len(errs) != 1 || errs[0] == nil || errors.Is(errs[0], hooks.ErrPoison) || errors.Is(errs[0], hooks.ErrRejected) {
		t.Errorf("errors are %v", errs)
	}
}
