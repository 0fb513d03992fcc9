package flags

import (
	"log/slog"
	"slices"
	"time"
)

// source is one place that flags come from, and what it said last.
type source struct {
	table    []flag
	trouble  trouble
	settings settings
	status   status
}

// status is what a source's user wants to know of it.
type status struct {
	Name        string    `json:"-"`
	Where       string    `json:"where"`
	Failing     bool      `json:"failing"`
	Restored    bool      `json:"restored"` // its answer is that of an earlier run
	LastSuccess time.Time `json:"lastSuccess,omitzero"`
	LastError   string    `json:"lastError,omitempty"`
	LastErrorAt time.Time `json:"lastErrorAt,omitzero"`
	Problems    []string  `json:"problems,omitempty"` // of the payload in force
	Unknown     []string  `json:"unknown,omitempty"`  // its names that are no flags
}

// take has a reading take effect. A flag whose value was refused stays as this source had it.
func (s *source) take(r reading, now time.Time) {
	for i, flag := range s.table {
		if r.refused[i] != nil && s.settings.given[i] {
			flag.copy(&r.values, s.settings.values)
			r.given[i] = true
		}
	}
	for _, problem := range r.problems {
		if !slices.Contains(s.status.Problems, problem) {
			s.trouble.log.Warn("a flag's value can't be used as it is", "problem", problem)
		}
	}
	s.settings = r.settings
	s.status.Problems, s.status.Unknown = r.problems, r.unknown
	s.confirm(now)
}

// restore has a reading of an earlier run take effect.
func (s *source) restore(r reading) {
	s.take(r, time.Time{})
	s.status.Restored = true
}

// confirm notes that the source works.
func (s *source) confirm(now time.Time) {
	s.status.LastSuccess, s.status.Failing, s.status.Restored = now, false, false
	s.trouble.over()
}

// fail notes that the source doesn't work. What it said stays.
func (s *source) fail(err error, now time.Time) {
	s.status.LastError, s.status.LastErrorAt, s.status.Failing = err.Error(), now, true
	s.trouble.say(err)
}

// saidMost is how many texts of a trouble are told apart.
const saidMost = 20

// trouble is said when it begins, once for each distinct text, and when it is over.
type trouble struct {
	log          *slog.Logger
	begins, ends string
	said         map[string]bool
}

func (t *trouble) say(err error) {
	if t.said[err.Error()] || len(t.said) == saidMost {
		return
	}
	if t.said == nil {
		t.said = map[string]bool{}
	}
	t.said[err.Error()] = true
	t.log.Warn(t.begins, "error", err)
}

func (t *trouble) over() {
	if len(t.said) > 0 {
		t.said = nil
		t.log.Info(t.ends)
	}
}
