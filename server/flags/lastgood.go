package flags

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// lastGood keeps what the server's last good answer said to this server: its values, not its rules. The file is in the format
// of its answers, with one feature for each flag.
type lastGood struct {
	path    string
	from    string // names the server and the client key, but shows neither
	table   []flag
	trouble trouble
	saved   *settings
}

// keptAnswer is the file's content.
type keptAnswer struct {
	From     string                 `json:"from"`
	Features map[string]keptFeature `json:"features"`
}

type keptFeature struct {
	DefaultValue any `json:"defaultValue"`
}

func newLastGood(opts Options, all []flag) *lastGood {
	sum := sha256.Sum256([]byte(opts.featuresURL()))
	return &lastGood{
		path: opts.LastGood, from: hex.EncodeToString(sum[:8]), table: all,
		trouble: trouble{
			log:    opts.Log.With("file", opts.LastGood),
			begins: "the flag server's answer can't be kept for the next start", ends: "the flag server's answer is kept again",
		},
	}
}

// read returns what was kept; the error is fs.ErrNotExist if nothing was.
func (l *lastGood) read(e evaluator) (reading, error) {
	opened, err := os.Open(l.path)
	if err != nil {
		return reading{}, err
	}
	defer opened.Close()
	data, err := readAtMost(opened)
	if err != nil {
		return reading{}, err
	}
	var answer keptAnswer
	if err := json.Unmarshal(data, &answer); err != nil {
		return reading{}, err
	}
	if answer.From != l.from {
		return reading{}, errors.New("it is another server's, or another client key's")
	}
	return e.read(data, false)
}

// keep writes what isn't kept yet.
func (l *lastGood) keep(s settings) {
	if l.saved != nil && l.saved.equal(s, l.table) {
		return
	}
	if err := l.write(s); err != nil {
		l.trouble.say(err)
		return
	}
	l.saved = &s
	l.trouble.over()
}

// write replaces the file whole. A crash leaves the old one or the new one.
func (l *lastGood) write(s settings) (err error) {
	answer := keptAnswer{From: l.from, Features: map[string]keptFeature{}}
	for i, f := range l.table {
		if s.given[i] {
			answer.Features[f.name] = keptFeature{DefaultValue: f.show(s.values)}
		}
	}
	data, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	temporary := l.path + ".tmp" // always the same name, so that crashes don't pile them up
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(data, '\n'))
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(temporary, l.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}
