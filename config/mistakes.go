package config

import (
	"slices"
	"strconv"
	"strings"
)

// Mistake is one thing that keeps a configuration from being used.
type Mistake struct {
	Setting string // name of the setting; an unknown flag or key as it was written; empty for the file as a whole
	Given   string // what was given; *** for a secret
	Origin  string // where it was given, as in [Loaded.Origin]; empty when that is not known
	Problem string // what is allowed, or what to do
}

// String is one line: `max-size "1GB" (flag): must be …`.
func (m Mistake) String() string {
	var b strings.Builder
	b.WriteString(plain(m.Setting))
	if m.Given != "" {
		b.WriteString(" " + strconv.Quote(m.Given))
	}
	if m.Origin != "" {
		b.WriteString(" (" + m.Origin + ")")
	}
	return strings.TrimSpace(b.String()) + ": " + m.Problem
}

// plain returns text as it is if it stays on one line that way, and quoted if not.
func plain(text string) string {
	if quoted := strconv.Quote(text); quoted[1:len(quoted)-1] != text {
		return quoted
	}
	return text
}

// Mistakes is the error of [Load] and [Config.Validate]: everything that is wrong, in one report.
type Mistakes struct{ List []Mistake }

// Error has one line for each mistake.
func (m *Mistakes) Error() string {
	lines := make([]string, len(m.List))
	for i, one := range m.List {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// ExitCode is what the process exits with when its configuration cannot be used.
func (m *Mistakes) ExitCode() int { return 2 }

func (m *Mistakes) add(one Mistake) { m.List = append(m.List, one) }

// about reports whether a mistake concerns the setting, or its form that names a file.
func (m *Mistakes) about(name string) bool {
	return slices.ContainsFunc(m.List, func(one Mistake) bool {
		return one.Setting == name || one.Setting == name+fileSuffix
	})
}

func (m *Mistakes) orNil() error {
	if len(m.List) == 0 {
		return nil
	}
	return m
}

// Nearest returns the entry of known that takes the fewest inserted, removed or changed letters to write instead of name;
// of several, the first. A name that is cut short goes before that. It is empty when nothing is known.
func Nearest(name string, known []string) string {
	if i := slices.IndexFunc(known, func(k string) bool { return strings.HasPrefix(k, name) }); i >= 0 && len(name) > 2 {
		return known[i]
	}
	best, least := "", -1
	for _, k := range known {
		if d := distance(name, k); least < 0 || d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is Levenshtein's. It looks at no more letters than any name of ours has, so that a huge key costs nothing.
func distance(a, b string) int {
	if limit := 64; len(a) > limit {
		a = a[:limit]
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
