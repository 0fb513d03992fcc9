package server

import (
	"errors"
	"io"
	"log/slog"

	"plateau/config"
)

// Options are what a Server needs.
type Options struct {
	Config config.Config
	// Log hears what happens: a line for each request, and troubles. Required.
	Log *slog.Logger
	// Level is that of Log, which the flag log-level changes while the server runs.
	// Without it the level stays.
	Level *slog.LevelVar
	// Out takes an event on each line where neither Kafka nor a webhook is set. It
	// is standard output. Required.
	Out io.Writer
	// Version is shown to operators.
	Version string
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	err := o.Config.Validate()
	if o.Log == nil {
		err = errors.Join(err, errors.New("server: Log is nil"))
	}
	if o.Out == nil {
		err = errors.Join(err, errors.New("server: Out is nil"))
	}
	return err
}
