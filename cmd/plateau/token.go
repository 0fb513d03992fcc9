package main

import (
	"context"
	"errors"
	"fmt"

	"plateau/server/access"
)

const tokenHelp = `Usage: plateau token NAME [--file FILE] [--admin] [--another]

Makes a random token for the owner NAME, for servers with --auth token. The token is a line on standard output, and nowhere
else: give it to the owner, who sends it as Authorization: Bearer, or gives it to the upload page or plateau upload. What
the server needs is the line for its --auth-tokens-file, which has the token's SHA-256: without --file it is the second line.
Servers see by themselves that the file has changed. To take a token back, take its line out of the file.

  --file FILE  adds the line to this file; makes the file if need be, for its owner's eyes only
  --admin      the owner may use everybody's uploads
  --another    the name may be in the file already: a second token for the time until the first is taken out

`

// token makes a token.
func token(_ context.Context, p process) int {
	w, err := splitWords(p.args, map[string]bool{"file": true, "admin": false, "another": false, "h": false, "help": false})
	switch {
	case err != nil:
		return fail(p, err)
	case w.flags["h"] == "true" || w.flags["help"] == "true":
		return help(p, "token")
	}
	if err := makeToken(p, w); err != nil {
		return fail(p, err)
	}
	return exitOK
}

func makeToken(p process, w words) error {
	if len(w.settings) > 0 {
		return usage("unknown flag %s; plateau help token lists them", w.settings[0])
	}
	if len(w.operands) != 1 {
		return usage("one name is needed: plateau token NAME")
	}
	secret, line, err := access.NewToken(w.operands[0], w.flags["admin"] == "true")
	if err != nil {
		return usage("%q: %w", w.operands[0], err)
	}
	text := secret + "\n" + line.Line() + "\n"
	if file, given := w.flags["file"]; given {
		err := access.AddToken(file, line, w.flags["another"] == "true")
		if errors.Is(err, access.ErrNameTaken) {
			return usage("%s is in %s already; --another makes one more token for that name", w.operands[0], file)
		}
		if err != nil {
			return err
		}
		text = secret + "\n"
	}
	if _, err := fmt.Fprint(p.stdout, text); err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	return nil
}
