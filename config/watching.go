package config

import (
	"errors"
	"net/url"
	"time"
)

// watchSettings are the rows about looking into a running server, and about what may change while it runs.
func watchSettings() []setting {
	return []setting{
		{
			group: "Looking inside", name: "profiling", arg: "true|false", fallback: "true",
			help:  "serve profiles and flame graphs on the admin listener, and take captures",
			value: boolean(func(c *Config) *bool { return &c.Profiling }),
		},
		{
			group: "Looking inside", name: "flight-recorder", arg: "true|false", fallback: "false",
			help:  "keep the execution trace of the last seconds for /debug/flight; costs 14 to 40 % of the CPU",
			value: boolean(func(c *Config) *bool { return &c.FlightRecorder }),
		},
		{
			group: "Looking inside", name: "profile-blocking", arg: "true|false", fallback: "false",
			help:  "record where goroutines wait for each other, for the profiles named block and mutex",
			value: boolean(func(c *Config) *bool { return &c.ProfileBlocking }),
		},
		{
			group: "Looking inside", name: "watchdog-heap", arg: "SIZE", fallback: "512MiB",
			help: "live heap at which captures are saved in the data folder and the log says what grew; three quarters of " +
				"the memory limit where that is less; 0 turns it off",
			value: size(func(c *Config) *int64 { return &c.WatchdogHeap }),
		},
		{
			group: "Looking inside", name: "watchdog-goroutines", arg: "NUMBER", fallback: "15000",
			help:  "number of goroutines at which the same is done; an upload that waits has one or two",
			value: number(func(c *Config) *int { return &c.WatchdogGoroutines }),
		},
		{
			group: "Looking inside", name: "watchdog-slope", arg: "SIZE", fallback: "64MiB",
			help:  "lasting growth of the live heap in an hour at which the same is done; 0 turns it off",
			value: size(func(c *Config) *int64 { return &c.WatchdogSlope }),
		},
		{
			group: "Changing while it runs", name: "flags-file", arg: "FILE",
			help: "JSON file in GrowthBook's features format; what it says of write-block, buffer-pool, max-uploads, multipart, " +
				"min-rate, log-level and profiling is done within 2 s of a change",
			value: text(func(c *Config) *string { return &c.FlagsFile }, true),
		},
		{
			group: "Changing while it runs", name: "growthbook-host", arg: "URL",
			help:  "GrowthBook server that says the same, and is believed before the file",
			value: growthBookHost(func(c *Config) *string { return &c.GrowthBookHost }),
		},
		{
			group: "Changing while it runs", name: "growthbook-client-key", arg: "KEY",
			help:  "client key of the features there",
			value: printable(func(c *Config) *string { return &c.GrowthBookClientKey }),
		},
		{
			group: "Changing while it runs", name: "growthbook-poll", arg: "DURATION", fallback: "10s",
			help:  "time between two questions to that server, 1s or more",
			value: pollPause(func(c *Config) *time.Duration { return &c.GrowthBookPoll }),
		},
	}
}

func growthBookHost(field func(*Config) *string) value {
	return of(field, func(s string) (string, error) {
		if s == "" {
			return "", nil
		}
		u, err := url.Parse(s)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || !validHost(u) || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return "", errors.New("an absolute http or https URL without user and query, such as https://cdn.growthbook.io")
		}
		return s, nil
	}, verbatim)
}

func pollPause(field func(*Config) *time.Duration) value {
	return of(field, func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil || d < time.Second {
			return 0, errors.New("a duration with its unit, 1s or more")
		}
		return d, nil
	}, formatDuration)
}

// watchContradictions reports settings of these that are right by themselves but not together.
func watchContradictions(c Config) []Mistake {
	var all []Mistake
	add := func(name, given, problem string) {
		all = append(all, Mistake{Setting: name, Given: given, Problem: problem})
	}
	if c.GrowthBookHost != "" && c.GrowthBookClientKey == "" {
		add("growthbook-host", c.GrowthBookHost, "needs growthbook-client-key too")
	}
	if c.GrowthBookHost == "" && c.GrowthBookClientKey != "" {
		add("growthbook-client-key", c.GrowthBookClientKey, "needs growthbook-host too")
	}
	if c.BufferPool > 0 && c.BufferPool < c.WriteBlock {
		add("buffer-pool", formatSize(c.BufferPool), "is smaller than write-block, but must hold one block")
	}
	return all
}
