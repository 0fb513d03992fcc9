package config_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"plateau/config"
)

// printed is what `plateau config` writes, without the lines of secrets.
func printed(t *testing.T, l config.Loaded) string {
	t.Helper()
	var b strings.Builder
	if err := l.WriteYAML(&b); err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(strings.Lines(b.String()))
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, `: "***"  # `) })
	return strings.Join(lines, "")
}

// withSecrets puts the secrets back that printed left out.
func withSecrets(yaml string, c config.Config) string {
	for name, secret := range map[string]string{
		"admin-token": c.AdminToken, "kafka-password": c.KafkaPassword, "webhook-url": c.WebhookURL,
		"webhook-secret": c.WebhookSecret, "link-secret": c.LinkSecret, "policy-url": c.PolicyURL,
	} {
		if secret != "" {
			yaml += name + ": \"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(secret) + "\"\n"
		}
	}
	return yaml
}

// reload reads what was printed as a configuration file.
func reload(t *testing.T, yaml string) config.Loaded {
	t.Helper()
	return load(t, config.Sources{Args: []string{"--config=printed"}, ReadFile: files(map[string]string{"printed": yaml, "tokens": ""})})
}

func TestPrintedConfigurationIsAFile(t *testing.T) {
	l := load(t, config.Sources{
		Args: []string{
			"--data-dir", "  it's \"odd\": #\t\\ \u00e9\u0085", "--max-size", "3072", "--trusted-proxies", "10.0.0.1,2001:db8::/32",
			"--cors-origins", "https://a.example,http://b.example:81", "--idle-timeout", "90s", "--admin-token", secret,
		},
		Environ: []string{"PLATEAU_SHUTDOWN_TIMEOUT=1h0m5s", "PLATEAU_ADMIN_LISTEN=", "PLATEAU_CONFIG=f"},
		ReadFile: files(map[string]string{
			"f": "log-level: warn\n",
		}),
	})
	out := printed(t, l)
	for _, want := range []string{
		"listen: 127.0.0.1:8080  # default\n",
		"max-size: 3KiB  # flag\n",
		"idle-timeout: 90s  # flag\n",
		"shutdown-timeout: 1h0m5s  # environment PLATEAU_SHUTDOWN_TIMEOUT\n",
		"admin-listen: \"\"  # environment PLATEAU_ADMIN_LISTEN\n",
		"log-level: warn  # file f\n",
		"cors-origins: [https://a.example, http://b.example:81]  # flag\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no line %q in:\n%s", want, out)
		}
	}
	again := reload(t, out)
	l.Config.AdminToken = ""
	if !reflect.DeepEqual(again.Config, l.Config) {
		t.Errorf("read again:\n got %+v\nwant %+v\n%s", again.Config, l.Config, out)
	}
}

func TestPrintedFoldersComeBack(t *testing.T) {
	for _, dir := range []string{"null", "~", "-", ".", "...", "---", "a:", "a: b", "*", "&a", "!x", "true", "0x10", ":8080", "a,b", " ", "\x01\x7f", "\u2028", "😀"} {
		l := load(t, config.Sources{Args: []string{"--data-dir", dir}})
		if got := reload(t, printed(t, l)).Config.DataDir; got != dir {
			t.Errorf("%q came back as %q", dir, got)
		}
	}
}

func TestDurationsAndSizesPrintShort(t *testing.T) {
	for given, want := range map[string]string{
		"0": "0s", "1ms": "1ms", "60s": "60s", "2m": "2m", "90m": "1h30m", "1h": "1h", "36h": "36h", "1h0m1s": "1h0m1s",
	} {
		l := load(t, config.Sources{Args: []string{"--idle-timeout", given}})
		if out := printed(t, l); !strings.Contains(out, "\nidle-timeout: "+want+"  #") {
			t.Errorf("%s: no %q in\n%s", given, want, out)
		}
	}
	for given, want := range map[string]string{"0": "0", "1023": "1023", "1024": "1KiB", "1536KiB": "1536KiB", "1024GiB": "1TiB", "9223372036854775807": "9223372036854775807"} {
		l := load(t, config.Sources{Args: []string{"--max-size", given}})
		if out := printed(t, l); !strings.Contains(out, "\nmax-size: "+want+"  #") {
			t.Errorf("%s: no %q in\n%s", given, want, out)
		}
	}
}
