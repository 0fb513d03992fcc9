package server

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"plateau/profiling"
)

// warnings are what operators should see to. The page finds by itself that events
// wait too long, and what memory does.
func (in *insight) warnings() []profiling.Warning {
	s := in.server
	all := s.store.warnings()
	add := func(level profiling.Level, format string, args ...any) {
		all = append(all, warning(level, format, args...))
	}
	if trouble := s.auth.trouble(); trouble != "" {
		add(profiling.LevelAlarm, "Who may upload: %s.", strings.TrimSuffix(trouble, "\n"))
	}
	if s.flagServerAway.Load() {
		add(profiling.LevelWarning, "The flag server doesn't answer; its last good answer holds: see debug/flags.")
	}
	if s.events.blocked.Load() {
		add(profiling.LevelAlarm, "Events wait for somebody to put something right where they go: see the log.")
	}
	if stats, err := s.store.outbox.Stats(); err != nil {
		add(profiling.LevelAlarm, "The outbox can't be looked at: see the log.")
	} else if stats.Dead > 0 {
		add(profiling.LevelWarning, "%d events can't be delivered: see plateau outbox ls.", stats.Dead)
	}
	if state := in.watchdog.State(); len(state.Alarms) > 0 {
		var words []string
		for _, cause := range state.Alarms {
			words = append(words, profiling.CauseInWords(cause))
		}
		text := fmt.Sprintf("The watchdog: %s.", strings.Join(words, "; "))
		if len(state.Files) > 0 {
			text += fmt.Sprintf(" It saved %d files at %s UTC in %s.", len(state.Files), state.Captured.UTC().Format(time.TimeOnly), filepath.Dir(state.Files[0]))
		}
		add(profiling.LevelAlarm, "%s", text)
	}
	return all
}

func warning(level profiling.Level, format string, args ...any) profiling.Warning {
	return profiling.Warning{Level: level, Text: fmt.Sprintf(format, args...)}
}

// inBytes is a size for people.
func inBytes(n int64) string {
	units := []string{"B", "KB", "MB", "GB", "TB", "PB", "EB"}
	value := float64(n)
	for value >= 1024 && len(units) > 1 {
		value, units = value/1024, units[1:]
	}
	if value < 10 && units[0] != "B" {
		return fmt.Sprintf("%.1f %s", value, units[0])
	}
	return fmt.Sprintf("%.0f %s", value, units[0])
}
