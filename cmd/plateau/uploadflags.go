package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"plateau/client"
	"plateau/config"
)

// tokenVariable and --token-file are the ways in for the token: a word of the command line is seen by every user of the machine.
const tokenVariable = "PLATEAU_TOKEN"

const uploadHelp = `Usage: plateau upload FILE... --to URL [flags]

Uploads files to a tus server, one after another. It goes on by itself when the connection or the server was away; when it
was stopped, the same command goes on where it was. Flags may stand before, between and after files; -- ends them.

  --to URL              where to: http://HOST:PORT/files/, say; without a path it gets /files/
  --metadata KEY=VALUE  goes with every file; may be given many times. filename and filetype are set by the file's name
                        unless given here
  --retry-for DURATION  give up a file that gets no further for so long; default 1h, 0 never gives up. If it was because
                        nobody answered, the files after it get one try each
  --state FOLDER        remembers where uploads are; default $XDG_STATE_HOME/plateau/uploads, or
                        ~/.local/state/plateau/uploads (macOS: ~/Library/Application Support/plateau/uploads)
  --token-file FILE     has the token for the server, in place of PLATEAU_TOKEN
  --quiet               no progress, only errors and, of each file, the first trouble that is waited for

Environment:
  PLATEAU_TOKEN         token for the server, sent as Authorization: Bearer to --to's scheme, host and port only
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY  as usual

The address of each uploaded file is a line on standard output; progress and errors go to standard error.
A file is known again by its path, size and modification time; its bytes are not compared with those on the server. Until
every file of a command is uploaded, for a day at most, those that are finished stay remembered: sent again to the same
place with the same metadata, they are not uploaded, and their addresses are printed.

Exit codes:
  0    every file is uploaded
  1    a file was refused or can't be read, which running it again won't help; or an address could not be printed
  2    a mistake on the command line
  3    a file is not finished for now: running it again goes on where it was, unless a warning said that it can't be
       remembered
  130  stopped by a signal: the same
`

// uploadFlags are the words of the command line, read.
type uploadFlags struct {
	options client.Options
	files   []string
	quiet   bool
}

// parseUpload reads the command line and the environment. Its error is flag.ErrHelp, or one line for each mistake.
func parseUpload(p process) (uploadFlags, error) {
	f := uploadFlags{options: client.Options{
		Metadata: map[string]string{},
		RetryFor: time.Hour,
		State:    stateFolder(p.environ),
		Token:    strings.TrimSpace(variable(p.environ, tokenVariable)),
	}}
	mistakes, err := f.parse(p.args)
	if err != nil {
		return f, err
	}
	if len(f.files) == 0 {
		mistakes = append(mistakes, "no file is named: plateau upload FILE... --to URL")
	}
	if slices.Contains(f.files, "-") {
		mistakes = append(mistakes, "-: standard input can't be uploaded, since its length isn't known; save it to a file")
	}
	if f.options.Endpoint == "" {
		mistakes = append(mistakes, "--to is missing: the address of the server, http://HOST:PORT/files/")
	} else if err := f.options.Validate(); err != nil {
		for line := range strings.Lines(err.Error()) {
			mistakes = append(mistakes, name(strings.TrimSpace(line)))
		}
	}
	if len(mistakes) > 0 {
		return f, errors.New(strings.Join(mistakes, "\n"))
	}
	return f, nil
}

// name turns the client's words into those of the command line.
func name(mistake string) string {
	for words, flag := range map[string]string{"the endpoint": "--to", "the token": tokenVariable, "RetryFor": "--retry-for"} {
		mistake = strings.Replace(mistake, words, flag, 1)
	}
	return mistake
}

// parse reads the words, flags and files in any order. It goes on after a mistake, so that all of them are heard of at once.
func (f *uploadFlags) parse(args []string) (mistakes []string, err error) {
	known := map[string]func(text string) error{
		"to":    func(text string) error { f.options.Endpoint = text; return nil },
		"state": func(text string) error { f.options.State = text; return nil },
		"metadata": func(text string) error {
			key, value, ok := strings.Cut(text, "=")
			if !ok {
				return errors.New("must be KEY=VALUE")
			}
			f.options.Metadata[key] = value
			return nil
		},
		"token-file": func(text string) (err error) {
			f.options.Token, err = readToken(text)
			return err
		},
		"retry-for": func(text string) (err error) {
			if f.options.RetryFor, err = time.ParseDuration(text); err != nil {
				return errors.New("must be a duration with a unit, such as 90s, 30m or 1h, or 0")
			}
			return nil
		},
	}
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		if word == "--" {
			f.files = append(f.files, args...)
			break
		}
		if !strings.HasPrefix(word, "-") || word == "-" {
			f.files = append(f.files, word)
			continue
		}
		flagName, text, hasText := strings.Cut(strings.TrimLeft(word, "-"), "=")
		set, isKnown := known[flagName]
		switch {
		case flagName == "h" || flagName == "help":
			return nil, flag.ErrHelp
		case flagName == "quiet" && !hasText:
			f.quiet = true
		case flagName == "quiet":
			mistakes = append(mistakes, "--quiet takes no value")
		case flagName == "token":
			// A word of the command line is seen by every user of the machine, and kept in the shell's history.
			mistakes = append(mistakes, "--token doesn't exist; put the token into a file, --token-file, or into the environment: "+tokenVariable)
			if !hasText && len(args) > 0 {
				args = args[1:]
			}
		case !isKnown:
			names := append(slices.Sorted(maps.Keys(known)), "quiet")
			mistakes = append(mistakes, fmt.Sprintf("unknown flag --%s; did you mean --%s? A file of that name goes after --",
				flagName, config.Nearest(flagName, names)))
		case !hasText && len(args) == 0:
			mistakes = append(mistakes, "--"+flagName+" needs a value")
		default:
			if !hasText {
				text, args = args[0], args[1:]
			}
			if err := set(text); err != nil {
				mistakes = append(mistakes, fmt.Sprintf("--%s %q: %v", flagName, text, err))
			}
		}
	}
	return mistakes, nil
}

// maxTokenFile is the largest file of a token, in bytes: more is another file.
const maxTokenFile = 64 << 10

// readToken reads the token from a file, without the newline at its end. Its errors don't show what is in it.
func readToken(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", errors.New("can't be read: " + plainCause(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	switch token := strings.TrimSpace(string(text)); {
	case err != nil:
		return "", errors.New("can't be read: " + plainCause(err))
	case len(text) > maxTokenFile:
		return "", errors.New("is too large for a token")
	case token == "":
		return "", errors.New("has no token in it")
	default:
		return token, nil
	}
}

// plainCause is an error without the name of the file, which the reader knows.
func plainCause(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// stateFolder is where this system's programs keep what they remember; empty if the environment doesn't say.
func stateFolder(environ []string) string {
	home := variable(environ, "HOME")
	switch state := variable(environ, "XDG_STATE_HOME"); {
	case filepath.IsAbs(state): // others are to be ignored, its specification says
		return filepath.Join(state, "plateau", "uploads")
	case !filepath.IsAbs(home):
		return ""
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support", "plateau", "uploads")
	}
	return filepath.Join(home, ".local", "state", "plateau", "uploads")
}

// variable is a variable of the environment; empty if it isn't set.
func variable(environ []string, name string) string {
	for _, entry := range slices.Backward(environ) { // the last one counts
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}
