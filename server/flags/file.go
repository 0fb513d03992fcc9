package flags

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"time"
)

// lookEvery is how often the file is read. Reading it costs less than being wrong about whether it changed: times of files are
// coarse, and are kept by some tools that write them.
const lookEvery = time.Second

// file is the file of flags.
type file struct {
	path      string
	evaluator evaluator
	source    *source
	after     func(time.Duration) <-chan time.Time
	nudged    chan struct{}

	inForce   [sha256.Size]byte // what was accepted last
	malformed [sha256.Size]byte // what was refused last,
	refusal   error             // and why
}

func newFile(opts Options, e evaluator, s *source) *file {
	return &file{path: opts.File, evaluator: e, source: s, after: opts.After, nudged: make(chan struct{}, 1)}
}

// first reads the file at the start, when nothing may be wrong with it. A number that had to be clamped isn't wrong.
func (f *file) first() (reading, error) {
	data, err := f.read()
	if err != nil {
		return reading{}, err
	}
	r, err := f.evaluate(data)
	if err != nil {
		return reading{}, err
	}
	f.inForce = sha256.Sum256(data)
	if err := errors.Join(r.refused...); err != nil {
		return reading{}, fmt.Errorf("flags file %s: %w", f.path, err)
	}
	return r, nil
}

// run reports looks at the file until ctx ends.
func (f *file) run(ctx context.Context, reports chan<- report) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.after(lookEvery):
		case <-f.nudged:
		}
		r, sure := f.look()
		if !sure {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case reports <- r:
		}
	}
}

// look reads the file. What makes no sense may be half-written: sure is false until the same bytes are seen again.
func (f *file) look() (r report, sure bool) {
	r.source = f.source
	data, err := f.read()
	if err != nil {
		r.err = err
		return r, true
	}
	sum := sha256.Sum256(data)
	switch sum {
	case f.inForce:
		return r, true
	case f.malformed:
		r.err = f.refusal
		return r, true
	}
	read, err := f.evaluate(data)
	if err != nil {
		f.malformed, f.refusal = sum, err
		return r, false
	}
	f.inForce, r.reading = sum, &read
	return r, true
}

func (f *file) read() ([]byte, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fmt.Errorf("find the flags file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", f.path) // a pipe would be waited for
	}
	opened, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("open the flags file: %w", err)
	}
	defer opened.Close()
	data, err := readAtMost(opened)
	if err != nil {
		return nil, fmt.Errorf("read the flags file %s: %w", f.path, err)
	}
	return data, nil
}

func (f *file) evaluate(data []byte) (reading, error) {
	r, err := f.evaluator.read(data, true)
	if err != nil {
		return reading{}, fmt.Errorf("flags file %s: %w", f.path, err)
	}
	return r, nil
}
