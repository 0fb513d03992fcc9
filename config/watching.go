package config

import (
	"errors"
	"strconv"
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
			group: "Looking inside", name: "otel-endpoint", arg: "URL",
			help:  "OpenTelemetry collector that spans are sent to, OTLP over HTTP: http://localhost:4318",
			value: webRoot(func(c *Config) *string { return &c.OTelEndpoint }, "http://localhost:4318"),
		},
		{
			group: "Looking inside", name: "otel-sample-ratio", arg: "NUMBER", fallback: "1",
			help:  "share of the traces that begin here which is sent, 0 to 1; of others, their own sampling decides",
			value: share(func(c *Config) *float64 { return &c.OTelSampleRatio }),
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
			value: webRoot(func(c *Config) *string { return &c.GrowthBookHost }, "https://cdn.growthbook.io"),
		},
		{
			group: "Changing while it runs", name: "growthbook-client-key", arg: "KEY",
			help:  "client key of the features there",
			value: printable(func(c *Config) *string { return &c.GrowthBookClientKey }),
		},
		{
			group: "Changing while it runs", name: "growthbook-poll", arg: "DURATION", fallback: "10s",
			help:  "time between two questions to that server, 1s or more",
			value: durationFrom(func(c *Config) *time.Duration { return &c.GrowthBookPoll }, time.Second),
		},
	}
}

func share(field func(*Config) *float64) value {
	return of(field, func(s string) (float64, error) {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f >= 0 && f <= 1) {
			return 0, errors.New("a number from 0 to 1, such as 0.05")
		}
		return f, nil
	}, func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) })
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
