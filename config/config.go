// Package config turns flags, environment and a YAML file into one checked [Config].
//
// Every setting exists once, in the table of settings.go. Its name is the flag (--data-dir), in capitals the environment
// variable (PLATEAU_DATA_DIR), and as it stands the key of the file (data-dir: ./data). A flag wins over the environment,
// the environment over the file, the file over the default. A variable that is set to nothing counts as set: an empty
// PLATEAU_ADMIN_LISTEN turns the admin listener off. Relative paths start at the working directory, in the file too.
//
// What it promises: [Load] never stops at the first mistake. Unknown flags, unknown keys, values that cannot be understood
// and values that do not fit together are all in the one [*Mistakes] it returns, a line each, with the name of the
// setting, what was given and what is allowed. An unknown PLATEAU_ variable is only a warning, because other programs may
// share the prefix. Secrets are never printed, neither in a mistake nor by [Loaded.WriteYAML].
//
// The file is plain YAML: one mapping of names to single values or lists. Aliases, anchors, tags, merge keys and a second
// document are mistakes, so that a file cannot mean more than what it shows.
package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Config holds the effective value of every setting. The zero value is of no use: take [Default] or [Load].
type Config struct {
	Listen      string   // host:port of the public listener; port 0 is chosen by the kernel
	AdminListen string   // host:port of the admin listener; empty: off
	AdminToken  string   // secret of the admin listener; empty: none
	BaseURL     string   // absolute URL that clients see, with no slash at its end; empty: Location is a path
	TLSCert     string   // PEM file; set together with TLSKey or not at all
	TLSKey      string   // PEM file
	CORSOrigins []string // allowed origins, or the single entry "*"; empty: none

	Store       string // "disk" or "s3"
	DataDir     string
	Durability  string // "finish" or "none"
	JournalSize int64  // bytes on the disk, at most; 0: no journal
	Downloads   string // "true", "false" or "redirect"
	Multipart   bool
	WriteBlock  int64  // bytes
	BufferPool  int64  // bytes; 0: two blocks for each processor
	Digest      string // "none" or "sha256"

	S3Bucket       string
	S3Endpoint     string // absolute URL, with no slash at its end; empty: AWS
	S3Region       string // empty: as the AWS SDK finds it
	S3Prefix       string // of all keys; ends with a slash, or is empty
	S3PathStyle    string // "auto", "on" or "off"
	S3SSE          string // "AES256", "aws:kms" or "aws:kms:KEY"; empty: as the bucket does by itself
	S3StorageClass string // empty: the bucket's own
	S3Checksum     string // "crc32c", "crc32c-part" (the same), "crc32c-object" or "sha256"
	SpoolSize      int64  // bytes of temporary files, at most

	ExpireAfter         time.Duration // of unfinished uploads, after their last byte; 0: never
	DeleteFinishedAfter time.Duration // of finished ones; 0: never

	EventSource   string
	KafkaBrokers  []string // host:port; empty: events don't go to Kafka
	KafkaTopic    string
	KafkaBalancer string // "hash" or "murmur2"
	KafkaTLS      bool
	KafkaTLSCA    string // PEM file; empty: the system's certificates
	KafkaSASL     string // "none", "plain", "scram-sha-256" or "scram-sha-512"
	KafkaUsername string // set together with KafkaPassword and KafkaSASL or not at all
	KafkaPassword string // secret
	WebhookURL    string // secret, but for its host; empty: events aren't posted; never set together with KafkaBrokers
	WebhookSecret string // secret; empty: posts aren't signed

	Auth           string         // "none", "token" or "jwt"
	AuthTokensFile string         // set with Auth "token" or not at all
	JWTJWKSURL     string         // set with Auth "jwt" or not at all
	JWTIssuer      string         // empty: any
	JWTAudience    []string       // one of these; empty: any
	JWTLeeway      time.Duration  // between the clocks
	JWTAlgorithms  []string       // asymmetric ones
	JWTAdminClaim  string         // NAME or NAME=VALUE; empty: nobody is an admin
	LinkSecret     string         // secret; empty: made at start
	LinkTime       time.Duration  // for which a signed address is valid, at most
	TrustedProxies []netip.Prefix // masked, IPv4 as IPv4

	PolicyURL       string        // secret, but for its host; empty: nobody is asked
	PolicyTimeout   time.Duration // for an answer
	PolicyFail      string        // "closed" or "open"
	AllowTypes      []string      // media types, in lower case, the subtype may be "*"; empty: all
	AllowExtensions []string      // in lower case, with a dot; empty: all

	MaxSize      int64 // bytes of one upload; 0: no limit
	MaxParts     int   // of one concatenation; 0: no limit but the header's
	MinFreeSpace int64 // bytes that uploads leave on their disk; 0: none

	QuotaBytes              int64 // of an owner's finished and declared bytes; 0: no limit
	QuotaOpenBytes          int64 // of those that are declared and not finished; 0: no limit
	QuotaUploads            int   // of an owner's unfinished uploads; 0: no limit
	LimitAddressConnections int   // at once; 0: no limit
	LimitOwnerUploads       int   // requests that carry a body, at once; 0: no limit
	LimitCreations          int   // a second, of an owner or else of an address; 0: no limit

	MaxUploads      int           // requests that carry a body at once; 0: no limit
	MinRate         int64         // bytes a second that a request body must keep up; 0: off
	IdleTimeout     time.Duration // for a client that sends nothing; 0: no limit
	ShutdownTimeout time.Duration // for a graceful stop; 0: no limit

	Profiling          bool
	FlightRecorder     bool
	ProfileBlocking    bool
	WatchdogHeap       int64 // bytes of live heap; 0: off
	WatchdogGoroutines int   // 0: off
	WatchdogSlope      int64 // bytes of live heap an hour; 0: off

	FlagsFile           string // JSON; empty: none
	GrowthBookHost      string // URL; set together with GrowthBookClientKey or not at all
	GrowthBookClientKey string // not secret: it only reads
	GrowthBookPoll      time.Duration

	OTelEndpoint    string  // URL of an OTLP/HTTP collector; empty: no traces
	OTelSampleRatio float64 // of the traces that begin here, 0 to 1

	LogFormat string // "text" or "json"
	LogLevel  slog.Level
}

// Default returns the configuration of a server that was told nothing.
func Default() Config {
	var c Config
	for _, s := range settings() {
		if err := s.value.set(&c, s.fallback); err != nil {
			panic("config: default of " + s.name + ": must be " + err.Error())
		}
	}
	return c
}

// Validate reports every value that is not allowed, and every pair that does not fit together, as a [*Mistakes].
// It reads no files. [Load] has done this already; it is for a Config that was filled in by hand.
func (c Config) Validate() error {
	var m Mistakes
	for _, s := range settings() {
		var scratch Config
		text := s.value.show(c)
		if err := s.value.set(&scratch, text); err != nil {
			m.add(s.mistake(text, "", err))
		}
	}
	m.List = append(m.List, contradictions(c)...)
	return m.orNil()
}
