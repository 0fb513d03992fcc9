package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"syscall"

	"plateau/client"
	"plateau/config"
	"plateau/server"
)

// operation is a command for whoever keeps a data folder or a bucket.
type operation struct {
	about string          // the sub-command, for its help
	flags map[string]bool // its own, see splitWords
	run   func(ctx context.Context, o *server.Operator, w words, out io.Writer) error
}

// operate runs an operation on the data folder or bucket of the configuration.
func operate(ctx context.Context, p process, op operation) int {
	w, err := splitWords(p.args, op.flags)
	if err != nil {
		return fail(p, err)
	}
	l, err := config.Load(config.Sources{Args: w.settings, Environ: p.environ})
	if errors.Is(err, flag.ErrHelp) {
		return help(p, op.about)
	}
	if err == nil {
		log := newLogger(l.Config, l.Config.LogLevel, p.stderr)
		for _, warning := range l.Warnings {
			log.Warn(warning)
		}
		err = operateOn(ctx, l.Config, log, op, w, p.stdout)
	}
	if errors.Is(err, syscall.EPIPE) {
		return exitOK // the reader has seen enough
	}
	return failUnless(p, err)
}

func operateOn(ctx context.Context, cfg config.Config, log *slog.Logger, op operation, w words, out io.Writer) error {
	o, err := server.NewOperator(cfg, log)
	if err != nil {
		return err
	}
	return op.run(ctx, o, w, out)
}

func failUnless(p process, err error) int {
	if err == nil {
		return exitOK
	}
	return fail(p, err)
}

// action takes the first operand, which says what to do.
func action(w *words, allowed ...string) (string, error) {
	if len(w.operands) == 0 {
		return "", usage("say what to do: %s", strings.Join(allowed, ", "))
	}
	name := w.operands[0]
	for _, a := range allowed {
		if a == name {
			w.operands = w.operands[1:]
			return name, nil
		}
	}
	return "", usage("%q is nothing that can be done here; did you mean %s?", name, config.Nearest(name, allowed))
}

// onlyFlags refuses flags of another action than the one that is asked for.
func onlyFlags(w words, do string, actions map[string]string) error {
	for name := range w.flags {
		if of := actions[name]; of != do {
			return usage("--%s is of %s, not of %s", name, of, do)
		}
	}
	return nil
}

// nothingMore says that no operand is expected.
func nothingMore(w words) error {
	if len(w.operands) > 0 {
		return usage("%q is not expected here", w.operands[0])
	}
	return nil
}

// line writes one line. Names of files and words of a client may hold anything.
func line(out io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintln(out, client.Printable(fmt.Sprintf(format, args...)))
	if err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}
