package flags

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"strings"
	"time"
)

// Options say where flags come from. The zero value of a field with a default means the default.
type Options struct {
	// Defaults are in force where no source says otherwise: what was configured.
	Defaults Values
	// Bounds replace the bounds of a flag that is a number, by its name. A configured value outside widens them.
	Bounds map[string]Bounds
	// File is a JSON file in GrowthBook's features format. Empty: none.
	File string
	// Host is the GrowthBook server's address, https://cdn.growthbook.io say. Empty: none.
	Host string
	// ClientKey says which features of the server are meant. It is never logged. Required with Host.
	ClientKey string
	// DecryptionKey opens features that are encrypted. Empty: such are refused.
	DecryptionKey string
	// LastGood is a file to keep the server's last good answer in, for a restart while the server is away. Its folder must
	// exist. Empty: not kept. Without Host it isn't used.
	LastGood string
	// Poll is the longest time between an answer and the next question; a quarter of it is left to chance. Default 10 s.
	Poll time.Duration
	// Timeout is the longest that one question may take. Default 10 s.
	Timeout time.Duration
	// Attributes are what rules can target this server by. Defaults for id and host: the machine's name.
	Attributes map[string]any
	// Adjust makes values fit together that are right by themselves; given says whether a source gave a flag. What it makes of
	// them is in force, and is shown. It keeps to the bounds, and must not block.
	Adjust func(v *Values, given func(name string) bool)
	// Changed hears the values, in order: once in New, then from Run's goroutine at each change. It must not block.
	Changed func(Values)
	// Observed hears each look at a source ("file" or "growthbook") and how it ended, from Run's goroutine. It must not block.
	Observed func(source string, err error)
	// Log hears each change, and each trouble once. Default: nothing.
	Log *slog.Logger
	// Now and After are the clock. Default: that of the machine.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// Validate reports everything that is wrong with the options.
func (o Options) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("flags: "+format, args...)) }
	numbers := map[string]bool{}
	for _, f := range table(o.Defaults, nil) {
		if f.bounds == nil {
			continue
		}
		numbers[f.name] = true
		switch d := f.metric(o.Defaults); {
		case d < 0:
			wrong("the default of %s is negative", f.name)
		case d == 0 && !f.off:
			wrong("%s has no default", f.name)
		}
	}
	for name, b := range o.Bounds {
		if !numbers[name] {
			wrong("Bounds has %q, which is no flag that is a number", name)
		}
		if b.Min < 0 || b.Max < b.Min {
			wrong("the bounds of %s are negative, or the greatest is less than the least", name)
		}
	}
	if o.Poll < 0 || o.Timeout < 0 {
		wrong("Poll or Timeout is negative")
	}
	if (o.Host == "") != (o.ClientKey == "") {
		wrong("Host and ClientKey need each other")
	}
	if o.Host != "" {
		if u, err := url.Parse(o.Host); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" ||
			u.RawQuery != "" || u.Fragment != "" {
			wrong("Host must be an address such as https://cdn.growthbook.io")
		}
	}
	return errors.Join(errs...)
}

func (o Options) withDefaults() Options {
	if o.Poll == 0 {
		o.Poll = 10 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Changed == nil {
		o.Changed = func(Values) {}
	}
	if o.Adjust == nil {
		o.Adjust = func(*Values, func(string) bool) {}
	}
	if o.Observed == nil {
		o.Observed = func(string, error) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	attributes := map[string]any{}
	if name, err := os.Hostname(); err == nil {
		attributes["id"], attributes["host"] = name, name
	}
	maps.Copy(attributes, o.Attributes)
	o.Attributes = attributes
	return o
}

// featuresURL is where the server tells its features.
func (o Options) featuresURL() string {
	return strings.TrimSuffix(o.Host, "/") + "/api/features/" + url.PathEscape(o.ClientKey)
}

// publicHost is the server's address without a path, name or password.
func (o Options) publicHost() string {
	u, err := url.Parse(o.Host)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
