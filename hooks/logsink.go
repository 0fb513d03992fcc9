package hooks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Log is the sink that needs nothing: it writes each event as one line of JSON,
// a CloudEvent in its structured form.
//
// A line counts as delivered once Write has taken it. What was cut off in the
// middle is written again, on a line of its own.
type Log struct {
	w      io.Writer
	broken bool // the last write may have left half a line
}

// NewLog returns a sink that writes to w, one call at a time. It never closes w.
func NewLog(w io.Writer) *Log { return &Log{w: w} }

// structured is a CloudEvent in JSON event format.
type structured struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject"`
	Time            string          `json:"time"`
	Traceparent     string          `json:"traceparent,omitempty"`
	DataContentType string          `json:"datacontenttype"`
	Data            json.RawMessage `json:"data"`
}

// Send is part of Sink. All lines go in one call to Write; after an error none
// of them counts as delivered.
func (l *Log) Send(_ context.Context, events []Event) []error {
	errs := make([]error, len(events))
	var lines []byte
	if l.broken {
		lines = append(lines, '\n')
	}
	poisoned := false
	for i, e := range events {
		line, err := json.Marshal(structured{
			SpecVersion: "1.0", ID: e.ID, Source: e.Source, Type: Type, Subject: e.Subject,
			Time: e.Time.Format(time.RFC3339Nano), Traceparent: e.Trace, DataContentType: ContentType, Data: e.Data,
		})
		if err != nil {
			errs[i], poisoned = fmt.Errorf("%w: encode the line: %w", ErrPoison, err), true
			continue
		}
		lines = append(append(lines, line...), '\n')
	}
	n, err := l.w.Write(lines)
	if err != nil {
		l.broken = l.broken || n > 0
		for i := range errs {
			if errs[i] == nil {
				errs[i] = fmt.Errorf("write the event: %w", err)
			}
		}
		return errs
	}
	l.broken = false
	if poisoned {
		return errs
	}
	return nil
}

// Close is part of Sink. It does nothing.
func (l *Log) Close(context.Context) error { return nil }
