package config

import (
	"log/slog"
	"slices"
	"strings"
	"time"
)

// setting is one row of the table: all that is known about one name.
type setting struct {
	group    string // heading in the help
	name     string // the flag, and the key of the file
	arg      string // what the help shows in place of the value
	fallback string // the default, as one would write it
	help     string
	secret   bool // never printed; can also be given as <name>-file
	value    value
}

// settings lists every setting once, in the order of the help. A setting is added to one of the lists, and as a field of
// Config.
func settings() []setting {
	return slices.Concat(placeSettings(), s3Settings(), eventSettings(), accessSettings(), policySettings(), limitSettings(), quotaSettings(), logSettings(), watchSettings())
}

// placeSettings say where the server listens and stores.
func placeSettings() []setting {
	return []setting{
		{
			group: "Listening", name: "listen", arg: "HOST:PORT", fallback: "127.0.0.1:8080",
			help:  "address that clients upload to; :8080 means every interface, port 0 any free port",
			value: address(func(c *Config) *string { return &c.Listen }, false),
		},
		{
			group: "Listening", name: "admin-listen", arg: "HOST:PORT", fallback: "127.0.0.1:9091",
			help:  "address of metrics and profiles; empty turns it off",
			value: address(func(c *Config) *string { return &c.AdminListen }, true),
		},
		{
			group: "Listening", name: "admin-token", arg: "TOKEN", secret: true,
			help: "token that the admin listener asks for, as Bearer or as the password of Basic; needed when it " +
				"does not listen on loopback",
			value: token(func(c *Config) *string { return &c.AdminToken }),
		},
		{
			group: "Listening", name: "base-url", arg: "URL",
			help: "absolute URL at which clients reach this server, without /files/; Location is then absolute, " +
				"else it is a path",
			value: baseURL(func(c *Config) *string { return &c.BaseURL }),
		},
		{
			group: "Listening", name: "tls-cert", arg: "FILE",
			help:  "certificate chain in PEM; with --tls-key the public listener speaks HTTPS and HTTP/2",
			value: text(func(c *Config) *string { return &c.TLSCert }, true),
		},
		{
			group: "Listening", name: "tls-key", arg: "FILE",
			help:  "private key of --tls-cert in PEM",
			value: text(func(c *Config) *string { return &c.TLSKey }, true),
		},
		{
			group: "Listening", name: "cors-origins", arg: "LIST", fallback: "*",
			help:  "origins of web pages that may upload, separated by commas; * means any, empty none",
			value: origins(func(c *Config) *[]string { return &c.CORSOrigins }),
		},
		{
			group: "Storing", name: "store", arg: "disk|s3", fallback: "disk",
			help:  "where uploads and the events that wait are kept: in --data-dir, or in the bucket of --s3-bucket",
			value: oneOf(func(c *Config) *string { return &c.Store }, "disk", "s3"),
		},
		{
			group: "Storing", name: "data-dir", arg: "FOLDER", fallback: "./data",
			help: "folder of the uploads, made when missing, used by one server at a time; with --store s3 of temporary " +
				"files and captures only",
			value: text(func(c *Config) *string { return &c.DataDir }, false),
		},
		{
			group: "Storing", name: "durability", arg: "finish|none", fallback: "finish",
			help: "finish: a finished upload is on stable storage before the client hears of it; none: no fsync, " +
				"for comparison and scratch data",
			value: oneOf(func(c *Config) *string { return &c.Durability }, "finish", "none"),
		},
		{
			group: "Storing", name: "journal-size", arg: "SIZE", fallback: "64MiB",
			help: "most space of the journal through which small uploads get to stable storage many at a time; less on a " +
				"small disk; 0: each by itself",
			value: size(func(c *Config) *int64 { return &c.JournalSize }),
		},
		{
			group: "Storing", name: "downloads", arg: "true|false|redirect", fallback: "true",
			help: "serve finished uploads to GET; redirect: with --store s3, send clients to S3 itself, by an address " +
				"that is valid for minutes",
			value: downloadModes(func(c *Config) *string { return &c.Downloads }),
		},
		{
			group: "Storing", name: "multipart", arg: "true|false", fallback: "true",
			help:  "take HTML forms with files at /upload, for clients that don't speak tus",
			value: boolean(func(c *Config) *bool { return &c.Multipart }),
		},
		{
			group: "Storing", name: "digest", arg: "none|sha256", fallback: "none",
			help: "sha256: the digest of each upload (with S3: where it can be known) is computed while its bytes pass, and goes " +
				"into its record and its event",
			value: oneOf(func(c *Config) *string { return &c.Digest }, "none", "sha256"),
		},
		{
			group: "Storing", name: "expire-after", arg: "DURATION", fallback: "24h",
			help:  "age of an unfinished upload's last byte at which it is removed; 0 keeps it for ever",
			value: duration(func(c *Config) *time.Duration { return &c.ExpireAfter }),
		},
		{
			group: "Storing", name: "delete-finished-after", arg: "DURATION", fallback: "0",
			help:  "age at which a finished upload is removed, never before its event was delivered; 0 keeps it for ever",
			value: duration(func(c *Config) *time.Duration { return &c.DeleteFinishedAfter }),
		},
	}
}

// limitGroup is the heading of limits, here and in shares.go.
const limitGroup = "Limits (0 turns one off)"

// limitSettings say how much may be done, and how fast.
func limitSettings() []setting {
	return []setting{
		{
			group: limitGroup, name: "max-size", arg: "SIZE", fallback: "0",
			help:  "largest upload",
			value: size(func(c *Config) *int64 { return &c.MaxSize }),
		},
		{
			group: limitGroup, name: "max-uploads", arg: "NUMBER", fallback: "0",
			help:  "requests that may send a body at once; the next one hears 503 and comes again",
			value: number(func(c *Config) *int { return &c.MaxUploads }),
		},
		{
			group: limitGroup, name: "min-rate", arg: "SIZE", fallback: "0",
			help:  "bytes a second that a sending client must keep up, after its first 10 seconds",
			value: size(func(c *Config) *int64 { return &c.MinRate }),
		},
		{
			group: limitGroup, name: "idle-timeout", arg: "DURATION", fallback: "60s",
			help:  "time without a byte after which a body is cut; what arrived is kept",
			value: duration(func(c *Config) *time.Duration { return &c.IdleTimeout }),
		},
		{
			group: limitGroup, name: "shutdown-timeout", arg: "DURATION", fallback: "10s",
			help:  "time that a graceful stop may take",
			value: duration(func(c *Config) *time.Duration { return &c.ShutdownTimeout }),
		},
		{
			group: limitGroup, name: "write-block", arg: "SIZE", fallback: "1MiB",
			help:  "bytes that are written at once, at most; 64KiB to 64MiB",
			value: sizeWithin(func(c *Config) *int64 { return &c.WriteBlock }, 64<<10, 64<<20),
		},
		{
			group: limitGroup, name: "buffer-pool", arg: "SIZE", fallback: "0",
			help:  "memory of the blocks of all uploads together; 0: two blocks for each processor",
			value: size(func(c *Config) *int64 { return &c.BufferPool }),
		},
	}
}

// logSettings say what the log is like.
func logSettings() []setting {
	return []setting{
		{
			group: "Logging", name: "log-format", arg: "text|json", fallback: "text",
			help:  "form of the log, which goes to standard error",
			value: oneOf(func(c *Config) *string { return &c.LogFormat }, "text", "json"),
		},
		{
			group: "Logging", name: "log-level", arg: "LEVEL", fallback: "info",
			help:  "least level that is logged: debug, info, warn or error",
			value: level(func(c *Config) *slog.Level { return &c.LogLevel }),
		},
	}
}

// configName is the one name that is no setting: it says where the file is, so it cannot stand in the file.
const configName = "config"

// fileSuffix makes the second name of a secret, whose value is the path of a file that holds the secret.
const fileSuffix = "-file"

// envPrefix begins the name of every environment variable of ours.
const envPrefix = "PLATEAU_"

func envName(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// names returns what may stand in the file: each setting, and the file form of each secret.
func names() []string {
	var all []string
	for _, s := range settings() {
		all = append(all, s.name)
		if s.secret {
			all = append(all, s.name+fileSuffix)
		}
	}
	return all
}

// booleans returns the names whose flag may stand without a value.
func booleans() map[string]bool {
	all := map[string]bool{}
	for _, s := range settings() {
		if s.value.boolean {
			all[s.name] = true
		}
	}
	return all
}

// shown is how text may appear in a report: a secret never does.
func (s setting) shown(text string) string {
	if s.secret && text != "" {
		return masked
	}
	return text
}

func (s setting) mistake(text, origin string, err error) Mistake {
	problem := "must be " + err.Error()
	if text == "" {
		problem = "is empty, but " + problem
	}
	return Mistake{Setting: s.name, Given: s.shown(text), Origin: origin, Problem: problem}
}
