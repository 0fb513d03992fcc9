package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"plateau/config"
)

// subcommand is one row of the table.
type subcommand struct {
	name    string
	summary string
	run     func(ctx context.Context, p process) int
}

// subcommands lists every sub-command, in the order of the help.
func subcommands() []subcommand {
	return []subcommand{
		{"serve", "start the server; so does plateau without a command", serve},
		{"config", "print the effective settings and where each came from", printConfig},
		{"upload", "upload files to a server from the command line; resumes by itself", upload},
		{"token", "make a token for an owner, for --auth token", token},
		{"outbox", "show the events that wait, and let dead ones wait again", outbox},
		{"replay", "send the events of finished uploads again", replay},
		{"uploads", "show and remove uploads", uploads},
		{"expire", "remove expired uploads without a server", expire},
		{"healthcheck", "ask the server of this configuration whether it is alive: exit 0, or 1", healthcheck},
		{"version", "print the version", version},
	}
}

// process is what main hands in: everything that a command knows of the world around it.
type process struct {
	args           []string // without the program's name; a sub-command gets them without its own
	environ        []string
	stdout, stderr io.Writer
}

const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// run picks the sub-command, and returns the exit code.
func run(ctx context.Context, p process) int {
	name := "serve"
	if len(p.args) > 0 {
		switch first := p.args[0]; {
		case first == "-h" || first == "-help" || first == "--help":
			return help(p, "")
		case first == "-version" || first == "--version":
			name, p.args = "version", p.args[1:]
		case !strings.HasPrefix(first, "-"):
			name, p.args = first, p.args[1:]
		}
	}
	if name == "help" {
		about := ""
		if len(p.args) > 0 {
			about = p.args[0]
		}
		return help(p, about)
	}
	for _, c := range subcommands() {
		if c.name == name {
			return c.run(ctx, p)
		}
	}
	return unknown(p, name)
}

func unknown(p process, name string) int {
	var known []string
	for _, c := range subcommands() {
		known = append(known, c.name)
	}
	fmt.Fprintf(p.stderr, "plateau: unknown command %q; did you mean %s? plateau help lists all\n",
		name, config.Nearest(name, known))
	return exitUsage
}

// help writes the help of one sub-command, or of the whole program, to standard output.
func help(p process, about string) int {
	var b strings.Builder
	if about == "" {
		b.WriteString("Plateau takes resumable uploads (tus 1.0) and keeps its memory flat.\n\nUsage: plateau [command] [settings]\n\n")
		for _, c := range subcommands() {
			fmt.Fprintf(&b, "  %-12s %s\n", c.name, c.summary)
		}
		b.WriteString("  help         print this; plateau help COMMAND is about one command\n\n")
	} else {
		found := false
		for _, c := range subcommands() {
			if c.name == about {
				fmt.Fprintf(&b, "plateau %s: %s\n\n", c.name, c.summary)
				found = true
			}
		}
		if !found {
			return unknown(p, about)
		}
	}
	b.WriteString(ownHelp()[about])
	if about != "version" && about != "upload" && about != "token" {
		if err := config.WriteHelp(&b); err != nil {
			return fail(p, err)
		}
	}
	if _, err := io.WriteString(p.stdout, b.String()); err != nil {
		return fail(p, fmt.Errorf("write help: %w", err))
	}
	return exitOK
}

// ownHelp is what commands say of themselves beside their summary.
func ownHelp() map[string]string {
	return map[string]string{
		"upload": uploadHelp, "outbox": outboxHelp, "replay": replayHelp, "uploads": uploadsHelp, "expire": expireHelp, "token": tokenHelp,
	}
}

// load reads the configuration for the sub-command of that name. When done is true there is nothing more to do, and code
// is the exit code: help was asked for, or mistakes were reported.
func load(p process, name string) (l config.Loaded, code int, done bool) {
	l, err := config.Load(config.Sources{Args: p.args, Environ: p.environ})
	switch {
	case errors.Is(err, flag.ErrHelp):
		return l, help(p, name), true
	case err != nil:
		return l, fail(p, err), true
	}
	return l, exitOK, false
}

// fail reports an error, a line for each of its lines, and returns its exit code.
func fail(p process, err error) int {
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(p.stderr, "plateau: %s\n", strings.TrimSuffix(line, "\n"))
	}
	return exitCode(err)
}

// exitCode is 0 without an error, what the error itself asks for, or 1.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if coded, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		return coded.ExitCode()
	}
	return exitFailure
}
