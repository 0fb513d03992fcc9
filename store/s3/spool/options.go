package spool

import (
	"errors"
	"log/slog"
	"time"
)

// Options are what a Spool needs. The zero value of a field with a default means
// the default.
type Options struct {
	// Dir is the folder of the temporary files; it is made if it is missing.
	// Required.
	Dir string
	// Budget is how many bytes all files may occupy, those in memory included. It
	// should be several times the largest part. Default: 1 GiB.
	Budget int64
	// Memory is how many bytes of small contents may be in memory instead of a file.
	// Default: 4 MiB, or the budget's 64th if that is less.
	Memory int64
	// Waited is called with how long a Write or Reserve had to wait for room,
	// whatever came of it.
	Waited func(took time.Duration)
	// Evicted is called each time when an owner is asked to leave.
	Evicted func()
	// Log hears what no caller can be told. Default: nothing.
	Log *slog.Logger
}

const (
	defaultBudget = 1 << 30
	defaultMemory = 4 << 20
)

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("spool: Dir is empty"))
	}
	if o.Budget < 0 || o.Memory < 0 {
		errs = append(errs, errors.New("spool: a size is negative"))
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.Budget == 0 {
		o.Budget = defaultBudget
	}
	if o.Memory == 0 {
		o.Memory = min(defaultMemory, o.Budget/64)
	}
	if o.Waited == nil {
		o.Waited = func(time.Duration) {}
	}
	if o.Evicted == nil {
		o.Evicted = func() {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
