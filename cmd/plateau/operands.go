package main

import (
	"fmt"
	"strings"

	"plateau/config"
)

// words is a command line of a command that has words beside settings.
type words struct {
	operands []string          // words that are no flags
	flags    map[string]string // the command's own; one without a value is "true"
	settings []string          // all else, for config.Load
}

// splitWords takes a command line apart. own says which flags are the command's, and whether each takes a value. Flags may
// stand before, between and after operands; -- ends them.
func splitWords(args []string, own map[string]bool) (words, error) {
	w := words{flags: map[string]string{}}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			w.operands = append(w.operands, args...)
			break
		}
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			w.operands = append(w.operands, arg)
			continue
		}
		name, text, hasText := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		takes, isOwn := own[name]
		if !isOwn {
			w.settings = append(w.settings, arg)
			if !hasText && len(args) > 0 && config.TakesValue(name, args[0]) {
				w.settings, args = append(w.settings, args[0]), args[1:]
			}
			continue
		}
		switch {
		case !takes && hasText && text != "true" && text != "false":
			return w, usage("--%s must be true or false, but is %q", name, text)
		case !takes && !hasText:
			text = "true"
		case takes && !hasText && len(args) == 0:
			return w, usage("--%s needs a value", name)
		case takes && !hasText:
			text, args = args[0], args[1:]
		}
		w.flags[name] = text
	}
	return w, nil
}

// usageError is a mistake in a command line.
type usageError struct{ error }

// ExitCode is what the process exits with.
func (usageError) ExitCode() int { return exitUsage }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
