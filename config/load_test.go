package config_test

import (
	"errors"
	"flag"
	"io/fs"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"plateau/config"
)

// files answers ReadFile from memory.
func files(content map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, ok := content[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}
}

func load(t *testing.T, src config.Sources) config.Loaded {
	t.Helper()
	l, err := config.Load(src)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return l
}

// mistakes loads what must fail, and returns the lines of the report.
func mistakes(t *testing.T, src config.Sources) []string {
	t.Helper()
	_, err := config.Load(src)
	m, ok := errors.AsType[*config.Mistakes](err)
	if !ok {
		t.Fatalf("Load: error is %v, want *Mistakes", err)
	}
	if m.ExitCode() != 2 {
		t.Errorf("exit code %d, want 2", m.ExitCode())
	}
	lines := strings.Split(m.Error(), "\n")
	if len(lines) != len(m.List) {
		t.Errorf("%d mistakes on %d lines:\n%v", len(m.List), len(lines), m)
	}
	return lines
}

func TestDefaults(t *testing.T) {
	want := config.Config{
		Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:9091", CORSOrigins: []string{"*"},
		Store: "disk", S3PathStyle: "auto", S3Checksum: "crc32c", SpoolSize: 1 << 30,
		DataDir: "./data", Durability: "finish", JournalSize: 64 << 20, Multipart: true, WriteBlock: 1 << 20,
		Profiling: true, WatchdogHeap: 512 << 20, WatchdogGoroutines: 15_000, WatchdogSlope: 64 << 20, GrowthBookPoll: 10 * time.Second,
		Downloads: "true", Digest: "none", ExpireAfter: 24 * time.Hour,
		Auth: "none", JWTLeeway: 30 * time.Second, JWTAlgorithms: []string{"RS256", "ES256", "EdDSA"}, LinkTime: 15 * time.Minute,
		PolicyTimeout: 5 * time.Second, PolicyFail: "closed", MinFreeSpace: 1 << 30, OTelSampleRatio: 1,
		EventSource: "/plateau", KafkaTopic: "statusNew", KafkaBalancer: "hash", KafkaSASL: "none",
		IdleTimeout: time.Minute, ShutdownTimeout: 10 * time.Second,
		LogFormat: "text", LogLevel: slog.LevelInfo,
	}
	if got := config.Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("Default:\n got %+v\nwant %+v", got, want)
	}
	if got := load(t, config.Sources{}); !reflect.DeepEqual(got.Config, want) {
		t.Errorf("Load of nothing:\n got %+v\nwant %+v", got.Config, want)
	}
	if err := want.Validate(); err != nil {
		t.Errorf("Validate: %v", err)
	}
}

func TestEverySettingFromEverySource(t *testing.T) {
	want := config.Config{
		Listen: "[::1]:1", AdminListen: "", AdminToken: "t0ken", BaseURL: "https://up.example/a",
		CORSOrigins: []string{"https://a.example", "http://b.example:81"},
		Store:       "disk", S3PathStyle: "auto", S3Checksum: "crc32c", SpoolSize: 1 << 30,
		DataDir: "/srv/a b", Durability: "none", JournalSize: 8 << 20, Multipart: false, WriteBlock: 64 << 10, BufferPool: 1 << 20,
		Profiling: false, FlightRecorder: true, ProfileBlocking: true, WatchdogHeap: 1 << 30, WatchdogGoroutines: 0, WatchdogSlope: 0,
		FlagsFile: "/srv/flags.json", GrowthBookHost: "http://127.0.0.1:3100", GrowthBookClientKey: "sdk-1", GrowthBookPoll: time.Minute,
		Downloads: "false", MaxSize: 5 << 40, Auth: "none",
		Digest: "sha256", ExpireAfter: 90 * time.Minute, DeleteFinishedAfter: 720 * time.Hour,
		EventSource: "https://up.example/eu", KafkaBrokers: []string{"k1:9092", "[::1]:9093"}, KafkaTopic: "up.loads",
		KafkaBalancer: "murmur2", KafkaTLS: true, KafkaSASL: "scram-sha-512", KafkaUsername: "plateau", KafkaPassword: "pass word",
		JWTLeeway: 30 * time.Second, JWTAlgorithms: []string{"RS256", "ES256", "EdDSA"},
		LinkSecret: strings.Repeat("k3y-", 8), LinkTime: time.Hour,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		PolicyURL:      "https://app.example/may?key=hidden", PolicyTimeout: 1500 * time.Millisecond, PolicyFail: "open",
		AllowTypes: []string{"image/*", "application/pdf"}, AllowExtensions: []string{".tar.gz", ".jpg"},
		MaxParts: 10, MinFreeSpace: 5 << 30, QuotaBytes: 1 << 40, QuotaOpenBytes: 1 << 30, QuotaUploads: 100,
		LimitAddressConnections: 20, LimitOwnerUploads: 5, LimitCreations: 50, OTelEndpoint: "http://127.0.0.1:4318", OTelSampleRatio: 0.25,
		MaxUploads: 7, MinRate: 64 << 10, IdleTimeout: 0, ShutdownTimeout: 1500 * time.Millisecond,
		LogFormat: "json", LogLevel: slog.LevelDebug,
	}
	given := [][2]string{
		{"listen", "[::1]:1"},
		{"admin-listen", ""},
		{"admin-token", "t0ken"},
		{"base-url", "https://up.example/a/"},
		{"cors-origins", "HTTPS://A.example:443, http://b.example:81"},
		{"store", "disk"},
		{"data-dir", "/srv/a b"},
		{"durability", "none"},
		{"journal-size", "8MiB"},
		{"multipart", "false"},
		{"write-block", "64KiB"},
		{"buffer-pool", "1MiB"},
		{"profiling", "false"},
		{"flight-recorder", "true"},
		{"profile-blocking", "true"},
		{"watchdog-heap", "1GiB"},
		{"watchdog-goroutines", "0"},
		{"watchdog-slope", "0"},
		{"flags-file", "/srv/flags.json"},
		{"growthbook-host", "http://127.0.0.1:3100"},
		{"growthbook-client-key", "sdk-1"},
		{"growthbook-poll", "1m"},
		{"downloads", "false"},
		{"digest", "sha256"},
		{"expire-after", "90m"},
		{"delete-finished-after", "720h"},
		{"event-source", "https://up.example/eu"},
		{"kafka-brokers", "k1:9092, [::1]:9093"},
		{"kafka-topic", "up.loads"},
		{"kafka-balancer", "murmur2"},
		{"kafka-tls", "true"},
		{"kafka-sasl", "scram-sha-512"},
		{"kafka-username", "plateau"},
		{"kafka-password", "pass word"},
		{"max-size", "5TiB"},
		{"auth", "none"},
		{"link-secret", "k3y-k3y-k3y-k3y-k3y-k3y-k3y-k3y-"},
		{"link-time", "1h"},
		{"trusted-proxies", "10.1.2.3/8,::1"},
		{"policy-url", "https://app.example/may?key=hidden"},
		{"policy-timeout", "1.5s"},
		{"policy-fail", "open"},
		{"allow-types", "image/*, application/pdf"},
		{"allow-extensions", ".tar.gz,.jpg"},
		{"max-parts", "10"},
		{"min-free-space", "5GiB"},
		{"quota-bytes", "1TiB"},
		{"quota-open-bytes", "1GiB"},
		{"quota-uploads", "100"},
		{"limit-address-connections", "20"},
		{"limit-owner-uploads", "5"},
		{"limit-creations", "50"},
		{"otel-endpoint", "http://127.0.0.1:4318"},
		{"otel-sample-ratio", "0.25"},
		{"max-uploads", "7"},
		{"min-rate", "64KiB"},
		{"idle-timeout", "0"},
		{"shutdown-timeout", "1.5s"},
		{"log-format", "json"},
		{"log-level", "debug"},
	}
	wantFromEverySource(t, want, given)
}

// wantFromEverySource loads the same from flags, from the environment and from a file.
func wantFromEverySource(t *testing.T, want config.Config, given [][2]string) {
	t.Helper()
	var args, environ []string
	var yaml strings.Builder
	for _, g := range given {
		args = append(args, "--"+g[0]+"="+g[1])
		environ = append(environ, "PLATEAU_"+strings.ToUpper(strings.ReplaceAll(g[0], "-", "_"))+"="+g[1])
		yaml.WriteString(g[0] + ": \"" + g[1] + "\"\n")
	}
	read := files(map[string]string{"f": yaml.String(), "/etc/tokens": "anna:00\n"})
	for name, src := range map[string]config.Sources{
		"flag":        {Args: args},
		"environment": {Environ: environ},
		"file":        {Args: []string{"--config", "f"}},
	} {
		src.ReadFile = read
		t.Run(name, func(t *testing.T) {
			l := load(t, src)
			if !reflect.DeepEqual(l.Config, want) {
				t.Errorf("\n got %+v\nwant %+v", l.Config, want)
			}
			for _, g := range given {
				if origin := l.Origin(g[0]); !strings.HasPrefix(origin, name) {
					t.Errorf("origin of %s is %q", g[0], origin)
				}
			}
		})
	}
}

func TestPrecedence(t *testing.T) {
	src := config.Sources{ReadFile: files(map[string]string{"f": "data-dir: from-file\nmax-size: 3\n"})}
	step := func(want, origin string) {
		t.Helper()
		l := load(t, src)
		if l.Config.DataDir != want || l.Origin("data-dir") != origin {
			t.Errorf("data-dir is %q from %q, want %q from %q", l.Config.DataDir, l.Origin("data-dir"), want, origin)
		}
	}
	step("./data", "default")
	src.Environ = []string{"PLATEAU_CONFIG=f"}
	step("from-file", "file f")
	src.Environ = append(src.Environ, "PLATEAU_DATA_DIR=from-env")
	step("from-env", "environment PLATEAU_DATA_DIR")
	src.Args = []string{"-data-dir", "first", "--data-dir", "from-flag"}
	step("from-flag", "flag")
	src.Args = append(src.Args, "--config=") // no file at all
	if l := load(t, src); l.Config.MaxSize != 0 {
		t.Errorf("max-size is %d, but the file was switched off", l.Config.MaxSize)
	}
}

func TestFileKeepsTheTextOfItsValues(t *testing.T) {
	l := load(t, config.Sources{
		Environ: []string{"PLATEAU_CONFIG=f"},
		ReadFile: files(map[string]string{"f": `# a comment
admin-token: 00123
cors-origins:
  - https://a.example # another
  - http://b.example
max-size: 1048576
data-dir: |-
  ./x
downloads: false
trusted-proxies: [10.0.0.1]
`}),
	})
	c := l.Config
	if c.AdminToken != "00123" || len(c.CORSOrigins) != 2 || c.MaxSize != 1<<20 || c.DataDir != "./x" || c.Downloads != "false" ||
		c.TrustedProxies[0].String() != "10.0.0.1/32" {
		t.Errorf("got %+v", c)
	}
}

func TestHelp(t *testing.T) {
	for _, arg := range []string{"-h", "--help"} {
		if _, err := config.Load(config.Sources{Args: []string{"--nonsense", arg}}); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%s: %v", arg, err)
		}
	}
	var b strings.Builder
	if err := config.WriteHelp(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestUnknownVariableIsAWarning(t *testing.T) {
	l := load(t, config.Sources{Environ: []string{"PLATEAU_DATADIR=x", "PLATEAUX=1", "PLATEAU_TOKEN=secret", "HOME=/"}})
	want := "unknown environment variable PLATEAU_DATADIR; the nearest known is PLATEAU_DATA_DIR"
	if len(l.Warnings) != 1 || l.Warnings[0] != want {
		t.Errorf("warnings %q, want %q", l.Warnings, want)
	}
}
