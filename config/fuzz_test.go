package config_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"plateau/config"
)

// FuzzLoad feeds any file and any argument. Load must come back with a Config that survives being printed and read again, or
// with Mistakes of one line each.
func FuzzLoad(f *testing.F) {
	f.Add("listen: 127.0.0.1:0\nmax-size: 1GiB\ncors-origins: [https://a.example]\n", "--log-level=debug", "60s")
	f.Add("? a\n: *b\n<<: &c [d, {e: f}]\n---\n- |\n  g\n", "---", "=")
	f.Add("kafka-brokers: [a:1]\nkafka-sasl: plain\nkafka-username: b\nkafka-password: c\n", "--kafka-tls", "d:2")
	f.Add("downloads: .inf\ntrusted-proxies:\n  - ::/0\n", "--min-rate", "8388607TiB")
	f.Add("auth: jwt\njwt-jwks-url: https://a.example/k\njwt-audience: [a, \"b c\"]\njwt-algorithms: [PS256]\njwt-admin-claim: a=b\n", "--quota-bytes", "4KiB")
	f.Add("auth: token\nauth-tokens-file: tokens\nlink-secret: 0123456789abcdef0123456789abcdef\nlink-time: 1h0m1s\n", "--quota-uploads", "3")
	f.Add("policy-url: http://a.example/?b\npolicy-timeout: 20ms\nallow-types: [image/*]\nallow-extensions: .a,.b.c\n", "--max-parts", "7")
	f.Add("quota-bytes: 2KiB\nquota-open-bytes: 1KiB\nwebhook-url: http://a.example/?b\n", "--min-free-space", "0")
	f.Fuzz(func(t *testing.T, yaml, flag, word string) {
		l, err := config.Load(config.Sources{
			Args:     []string{flag, word, "--config=f"},
			Environ:  []string{"PLATEAU_" + word, "PLATEAU_MAX_SIZE=" + word},
			ReadFile: files(map[string]string{"f": yaml, "tokens": ""}),
		})
		if m, ok := errors.AsType[*config.Mistakes](err); ok {
			if lines := strings.Count(m.Error(), "\n") + 1; lines != len(m.List) {
				t.Errorf("%d mistakes on %d lines:\n%v", len(m.List), lines, m)
			}
		}
		if err != nil {
			return
		}
		if err := l.Config.Validate(); err != nil {
			t.Errorf("loaded, but not valid: %v", err)
		}
		again := reload(t, withSecrets(printed(t, l), l.Config))
		if !reflect.DeepEqual(again.Config, l.Config) {
			t.Errorf("read again:\n got %+v\nwant %+v", again.Config, l.Config)
		}
	})
}
