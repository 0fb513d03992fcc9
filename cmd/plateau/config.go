package main

import (
	"context"
	"fmt"
)

// printConfig writes the effective settings as a configuration file; warnings go to standard error.
func printConfig(_ context.Context, p process) int {
	l, code, done := load(p, "config")
	if done {
		return code
	}
	for _, warning := range l.Warnings {
		fmt.Fprintf(p.stderr, "plateau: %s\n", warning)
	}
	if err := l.WriteYAML(p.stdout); err != nil {
		return fail(p, err)
	}
	return exitOK
}
