package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// event is a finished event as the log sink prints it: CloudEvents 1.0 as JSON, one on a line.
type event struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	Subject string    `json:"subject"`
	Time    time.Time `json:"time"`
	Data    struct {
		ID         string `json:"id"`
		Size       int64  `json:"size"`
		FinishedAt string `json:"finishedAt"`
		Digest     string `json:"digest"`
	} `json:"data"`
}

// events counts the finished events that the server, and those before it over the same folder, have delivered, by upload.
func (p *plateau) events() map[string]int {
	count := map[string]int{}
	for line := range strings.Lines(p.out.String()) {
		if e, ok := parseEvent(line); ok {
			count[e.Subject]++
		}
	}
	return count
}

// delivered returns the finished events that were delivered so far, by upload. It wants duplicates to be the same event, to the
// last byte, and each to be about what its id says. A line that a killed server did not end is no event.
func (p *plateau) delivered(t *testing.T) map[string]event {
	t.Helper()
	list, lines := map[string]event{}, map[string]string{}
	for line := range strings.Lines(p.out.String()) {
		e, ok := parseEvent(line)
		if !ok {
			continue
		}
		if first, again := lines[e.Subject]; again && first != line {
			t.Errorf("an upload has two events that differ:\n%s%s", first, line)
		}
		if e.ID != e.Subject+":finished" || e.Data.ID != e.Subject || e.Type != "dev.plateau.upload.finished.v1" || e.Time.IsZero() {
			t.Errorf("the event is not about one upload: %s", line)
		}
		list[e.Subject], lines[e.Subject] = e, line
	}
	return list
}

// awaitDelivered waits until no event waits in the outbox, and what the server printed before it removed the last has been read.
func (p *plateau) awaitDelivered(ctx context.Context, t *testing.T, ids []string) {
	t.Helper()
	await(ctx, t, "no event waits", func() bool { return len(p.backend().waiting(t)) == 0 })
	late := time.Now().Add(5 * time.Second) // for what will never come, and is told then
	await(ctx, t, "the events have been read", func() bool {
		events := p.events()
		return time.Now().After(late) || !slices.ContainsFunc(ids, func(id string) bool { return events[id] == 0 })
	})
}

func parseEvent(line string) (e event, ok bool) {
	if !strings.HasSuffix(line, "\n") || json.Unmarshal([]byte(line), &e) != nil {
		return event{}, false
	}
	return e, e.Subject != ""
}
