package config_test

import (
	"slices"
	"strings"
	"testing"

	"plateau/config"
)

// wantLines compares reports: each wanted text must begin a line of its own, and no line may be left.
func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	for _, w := range want {
		i := slices.IndexFunc(got, func(line string) bool { return strings.HasPrefix(line, w) })
		if i < 0 {
			t.Errorf("no line begins with %q", w)
			continue
		}
		got = slices.Delete(slices.Clone(got), i, i+1)
	}
	for _, line := range got {
		t.Errorf("unexpected line %q", line)
	}
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	got := mistakes(t, config.Sources{
		Args: []string{
			"--lisen", ":80", "word", "---x", "-=", "--downloads", "no", "--max-size", "1GB", "--config", "f",
			"--idle-timeout=60", "--max-uploads=-1", "--data-dir",
		},
		Environ:  []string{"PLATEAU_LOG_LEVEL=loud", "PLATEAU_BASE_URL=example.com/x"},
		ReadFile: files(map[string]string{"f": "min-rate: -5\nlog-fromat: json\nauth: none\nauth: none\ndownloads: [true]\n"}),
	})
	wantLines(
		t, got,
		"--lisen: unknown flag; did you mean --listen?",
		"word: is not expected here",
		"---x: unknown flag",
		"-: unknown flag",
		"no: is not expected here; write --downloads=true|false|redirect",
		"--data-dir: needs a value",
		`max-size "1GB" (flag): must be a whole number of bytes, or one with KiB`,
		`idle-timeout "60" (flag): must be a duration with its unit`,
		`max-uploads "-1" (flag): must be a whole number, 0 or more`,
		`log-level "loud" (environment PLATEAU_LOG_LEVEL): must be debug, info, warn or error`,
		`base-url "example.com/x" (environment PLATEAU_BASE_URL): must be an absolute http or https URL`,
		`min-rate "-5" (file f): must be a whole number of bytes`,
		"log-fromat (file f, line 2): unknown key; did you mean log-format?",
		"auth (file f, line 4): stands twice in the file",
		"downloads (file f, line 5): must be a single value, not a list",
	)
}

func TestWrongValues(t *testing.T) {
	for name, values := range map[string][]string{
		"listen":           {"", "8080", ":http", ":65536", "a b:1", "[::1]", "http://127.0.0.1:80"},
		"admin-listen":     {"9091", "::1:9091"},
		"admin-token":      {"a b", "a\nb", "é", "***"},
		"base-url":         {"/x", "ftp://a.example", "http://", "http://a.example/?q", "http://a.example/#", "http://u@a.example", "http://a.example:", "http://a.example:99999"},
		"cors-origins":     {"example.com", "https://a.example/", "*,https://a.example", "null", "https://a.example,", "https://*.example", "http://:80"},
		"data-dir":         {""},
		"store":            {"", "S3", "disc"},
		"durability":       {"", "Finish", "fsync"},
		"journal-size":     {"", "-1", "64M"},
		"downloads":        {"", "yes", "1", "TRUE", "Redirect"},
		"max-size":         {"", "-1", "1.5GiB", "1 GiB", "64K", "64kib", "GiB", "9223372036854775808", "8388608TiB", "+1", "0x10", "1_000"},
		"max-uploads":      {"", "-1", "1.5", "99999999999999999999"},
		"min-rate":         {"-1", "1KiB/s"},
		"idle-timeout":     {"", "-1s", "60", "1d"},
		"shutdown-timeout": {"-1ns", "10 s"},
		"auth":             {"", "None", "basic"},
		"trusted-proxies":  {"10.0.0.0/33", "example.com", "fe80::1%eth0", "10.0.0.1,", "::ffff:10.0.0.0/8"},
		"log-format":       {"xml"},
		"multipart":        {"", "on"},
		"write-block":      {"", "0", "65535", "128MiB"},
		"buffer-pool":      {"-1", "all"},
		"profiling":        {"yes"},
		"flight-recorder":  {"10s"},
		"profile-blocking": {"1ms"},
		"watchdog-heap":    {"-1"},

		"watchdog-goroutines": {"-1", "1k"},
		"watchdog-slope":      {"64MiB/h"},
		"growthbook-poll":     {"", "0", "10", "999ms"},

		"digest":                {"", "md5"},
		"expire-after":          {"", "-1h", "1d"},
		"delete-finished-after": {"30"},
		"event-source":          {"", "a b", "/\u00e9", "%zz", "/a\n"},
		"log-level":             {"INFO", "info+2"},
	} {
		for _, value := range values {
			got := mistakes(t, config.Sources{Args: []string{"--" + name + "=" + value}})
			begin, middle := name+" \"", "(flag): must be "
			if value == "" {
				begin, middle = name+" (flag): is empty, but must be ", ""
			}
			if len(got) != 1 || !strings.HasPrefix(got[0], begin) || !strings.Contains(got[0], middle) {
				t.Errorf("--%s=%q: %q", name, value, got)
			}
		}
	}
}

func TestWrongFiles(t *testing.T) {
	for content, want := range map[string]string{
		"listen: [":                       "(file f): is not YAML: line 1: ",
		"- listen":                        "(file f): must be one YAML mapping",
		"listen":                          "(file f): must be one YAML mapping",
		"auth: none\n---\nauth: none\n":   "(file f): must be one YAML mapping",
		"listen: {a: b}":                  "listen (file f, line 1): must be a plain value",
		"listen: !!str x":                 "listen (file f, line 1): must be a plain value",
		"listen: &a x":                    "listen (file f, line 1): must be a plain value",
		"listen:":                         `listen (file f, line 1): has no value; write ""`,
		"cors-origins: {a: b}":            "cors-origins (file f, line 1): must be a list of plain values",
		"cors-origins: [[a]]":             "cors-origins (file f, line 1): entry 1 must be a single value",
		"config: g":                       "config (file f, line 1): cannot stand in the file",
		"<<: x":                           "<< (file f, line 1): unknown key",
		"\"a\\nb\": x":                    `"a\nb" (file f, line 1): unknown key`,
		strings.Repeat("# long\n", 1<<18): `config "f" (flag): must be a file of at most 1MiB`,
	} {
		got := mistakes(t, config.Sources{Args: []string{"--config", "f"}, ReadFile: files(map[string]string{"f": content})})
		if len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%.40q: %q, want %q", content, got, want)
		}
	}
	wantLines(t, mistakes(t, config.Sources{Environ: []string{"PLATEAU_CONFIG=f"}, ReadFile: files(nil)}),
		`config "f" (environment PLATEAU_CONFIG): cannot be read: `)
}

func TestOnlyLoopbackWithoutAuth(t *testing.T) {
	for _, listen := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:1", "example.com:1", "localhost.example:1"} {
		wantLines(t, mistakes(t, config.Sources{Args: []string{"--listen", listen}}),
			`listen "`+listen+`" (flag): is not a loopback address, so anyone who can connect could upload; set --auth none explicitly`)
		load(t, config.Sources{Args: []string{"--listen", listen, "--auth", "none"}})
		load(t, config.Sources{Args: []string{"--listen", listen}, Environ: []string{"PLATEAU_AUTH=none"}})
		load(t, config.Sources{
			Args:     []string{"--listen", listen, "--config=f"},
			ReadFile: files(map[string]string{"f": "auth: none"}),
		})
	}
	for _, listen := range []string{"127.0.0.1:0", "127.9.9.9:0", "[::1]:0", "localhost:0", "[::ffff:127.0.0.1]:0"} {
		load(t, config.Sources{Args: []string{"--listen", listen}})
	}
}

func TestValuesThatDoNotFitTogether(t *testing.T) {
	read := files(map[string]string{"cert": "x", "key": "y"})
	for want, args := range map[string][]string{
		`admin-listen ":9091" (flag): is not a loopback address, so it needs admin-token`: {"--admin-listen=:9091"},
		`admin-listen "127.0.0.1:8080" (flag): must not be the address of listen`:         {"--admin-listen=127.0.0.1:8080"},
		`tls-cert "cert" (flag): needs tls-key too`:                                       {"--tls-cert=cert"},
		`tls-key "key" (flag): needs tls-cert too`:                                        {"--tls-key=key"},
		`tls-cert "cert" (flag): must be a PEM certificate that belongs to tls-key: `:     {"--tls-cert=cert", "--tls-key=key"},
		`growthbook-host "http://a.example" (flag): needs growthbook-client-key too`:      {"--growthbook-host=http://a.example"},
		`growthbook-client-key "sdk-1" (flag): needs growthbook-host too`:                 {"--growthbook-client-key=sdk-1"},
		`growthbook-host "a.example" (flag): must be an absolute http or https URL`:       {"--growthbook-host=a.example", "--growthbook-client-key=sdk-1"},
		`buffer-pool "64KiB" (flag): is smaller than write-block`:                         {"--buffer-pool=64KiB"},
		`tls-key "gone" (flag): cannot be read: `:                                         {"--tls-cert=cert", "--tls-key=gone"},
	} {
		wantLines(t, mistakes(t, config.Sources{Args: args, ReadFile: read}), want)
	}
	load(t, config.Sources{Args: []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}})

	c := config.Default()
	c.AdminListen, c.MaxSize, c.MinRate, c.Durability = ":1", -1, -2, "perhaps"
	m := c.Validate().(*config.Mistakes)
	if len(m.List) != 4 {
		t.Errorf("Validate of a Config made by hand: %v", m)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"serve", "config", "healthcheck", "version"}
	for name, want := range map[string]string{"srve": "serve", "confg": "config", "health": "healthcheck", "versions": "version"} {
		if got := config.Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
	if got := config.Nearest(strings.Repeat("x", 1<<20), known); got == "" {
		t.Error("nothing is near a long name")
	}
	if got := config.Nearest("x", nil); got != "" {
		t.Errorf("nearest of nothing is %q", got)
	}
}
