package config

import (
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
)

// parseArgs records what each flag was given. It goes on after a mistake, so that all of them are heard of at once; its
// error is only ever flag.ErrHelp.
func parseArgs(args []string, m *Mistakes) (layer, error) {
	l := layer{texts: map[string]string{}, origin: func(string) string { return originFlag }}
	alone := "" // the flag that was read last, if it may have a value after it
	fs, known := newFlagSet(l.texts, &alone), append(names(), configName)
	for {
		alone = ""
		err := fs.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			return layer{}, err
		}
		rest := fs.Args()
		if err == nil && len(rest) == 0 {
			return l, nil
		}
		last := ""
		if n := len(args) - len(rest); n > 0 {
			last = args[n-1]
		}
		switch {
		case err == nil && last == "--": // what follows are no flags, by convention
			for _, word := range rest {
				m.add(Mistake{Setting: word, Problem: "is not expected here; settings are given as flags"})
			}
			return l, nil
		case err == nil && alone != "" && !strings.Contains(last, "=") && follows(alone, rest[0]):
			l.texts[alone] = rest[0]
			rest = rest[1:]
		case err == nil:
			m.add(stray(rest[0], last))
			rest = rest[1:]
		default:
			// The flag package takes a flag off before it complains, except one that it cannot read at all.
			badSyntax := strings.HasPrefix(err.Error(), "bad flag syntax")
			if badSyntax {
				last, rest = rest[0], rest[1:]
			}
			name, _, hasValue := strings.Cut(strings.TrimLeft(last, "-"), "=")
			if slices.Contains(known, name) && !badSyntax {
				m.add(Mistake{Setting: "--" + name, Problem: "needs a value"})
				break
			}
			flag, _, _ := strings.Cut(last, "=")
			m.add(Mistake{Setting: flag, Problem: "unknown flag; did you mean --" + Nearest(name, known) + "?"})
			if !hasValue && !badSyntax && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
				rest = rest[1:] // its value
			}
		}
		args = rest
	}
}

// stray explains a word that belongs to no flag.
func stray(word, before string) Mistake {
	name := strings.TrimLeft(before, "-")
	if booleans()[name] && before != name {
		return Mistake{Setting: word, Problem: "is not expected here; write --" + name + "=" + argOf(name)}
	}
	return Mistake{Setting: word, Problem: "is not expected here; settings are given as flags"}
}

func argOf(name string) string {
	for _, s := range settings() {
		if s.name == name {
			return s.arg
		}
	}
	return ""
}

// follows reports whether word is the value of a flag that may stand alone.
func follows(name, word string) bool {
	for _, s := range settings() {
		if s.name == name {
			return s.value.boolean && s.value.set(new(Config), word) == nil
		}
	}
	return false
}

// newFlagSet has alone say which flag was read last, if that may stand alone.
func newFlagSet(texts map[string]string, alone *string) *flag.FlagSet {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	bools := booleans()
	for _, name := range append(names(), configName) {
		record := func(text string) error {
			texts[name], *alone = text, ""
			if bools[name] {
				*alone = name
			}
			return nil
		}
		if bools[name] {
			fs.BoolFunc(name, "", record)
		} else {
			fs.Func(name, "", record)
		}
	}
	return fs
}

// TakesValue reports whether word, which comes after the flag of that name, is its value. It is for commands that have words
// beside settings; of an unknown name it says no.
func TakesValue(name, word string) bool {
	if booleans()[name] {
		return follows(name, word)
	}
	return slices.Contains(append(names(), configName), name)
}
