package config

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// WriteYAML writes every setting on a line of its own, with where it came from as a comment: `max-size: 1GiB  # flag`.
// A secret that is set is written as "***". Without the lines of secrets, what is written is a configuration file that
// gives the same Config.
func (l Loaded) WriteYAML(w io.Writer) error {
	for _, s := range settings() {
		text := s.shown(s.value.show(l.Config))
		shown := quoteYAML(text)
		if s.value.list {
			entries := splitList(text)
			for i := range entries {
				entries[i] = quoteYAML(entries[i])
			}
			shown = "[" + strings.Join(entries, ", ") + "]"
		}
		if _, err := fmt.Fprintf(w, "%s: %s  # %s\n", s.name, shown, l.Origin(s.name)); err != nil {
			return fmt.Errorf("write configuration: %w", err)
		}
	}
	return nil
}

// quoteYAML returns text as a YAML scalar. What cannot be mistaken for anything else stays plain.
func quoteYAML(text string) string {
	plainly := regexp.MustCompile(`^[A-Za-z0-9./][A-Za-z0-9._/:-]*$`)
	if plainly.MatchString(text) && !strings.HasSuffix(text, ":") && !strings.EqualFold(text, "null") &&
		text != "." && !strings.HasPrefix(text, "...") {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
