package config_test

import (
	"strings"
	"testing"

	"plateau/config"
)

func TestWrongEventValues(t *testing.T) {
	kafka, webhook := []string{"--kafka-brokers=k:9092"}, []string{"--webhook-url=http://a.example/b"}
	login := append([]string{"--kafka-sasl=plain", "--kafka-username=u", "--kafka-password=p"}, kafka...)
	for name, c := range map[string]struct {
		beside []string // what the setting needs
		values []string
	}{
		"kafka-brokers":  {nil, []string{"k", "k:0", "k:65536", ":9092", "k:9092,", "http://k:9092", "k:kafka"}},
		"kafka-topic":    {kafka, []string{"", ".", "..", "a b", "a/b", strings.Repeat("x", 250)}},
		"kafka-balancer": {kafka, []string{"", "random", "Murmur2"}},
		"kafka-sasl":     {kafka, []string{"", "PLAIN", "gssapi"}},
		"kafka-username": {login, []string{"a\nb", "\x00"}},
		"kafka-password": {login, []string{"a\tb", "***"}},
		"webhook-url":    {nil, []string{"a.example", "/x", "ftp://a.example", "http://", "http://u:p@a.example/", "http://a.example/#x", "http://a.example:x/"}},
		"webhook-secret": {webhook, []string{"a\rb", "***"}},
	} {
		for _, value := range c.values {
			got := mistakes(t, config.Sources{Args: append(c.beside[:len(c.beside):len(c.beside)], "--"+name+"="+value)})
			if len(got) != 1 || !strings.HasPrefix(got[0], name+" ") || !strings.Contains(got[0], "must be ") {
				t.Errorf("--%s=%q: %q", name, value, got)
			}
		}
	}
}

func TestEventSettingsThatDoNotFitTogether(t *testing.T) {
	brokers := "--kafka-brokers=k:9092"
	read := files(map[string]string{"ca": "x"})
	for want, args := range map[string][]string{
		`webhook-url "***" (flag): is given together with kafka-brokers`:                     {brokers, "--webhook-url=http://a.example"},
		`kafka-sasl "plain" (flag): needs kafka-username and kafka-password`:                 {brokers, "--kafka-sasl=plain"},
		`kafka-sasl "scram-sha-256" (flag): needs kafka-username and kafka-password`:         {brokers, "--kafka-sasl=scram-sha-256", "--kafka-username=u"},
		`kafka-username "u" (flag): needs kafka-sasl too`:                                    {brokers, "--kafka-username=u"},
		`kafka-password "***" (flag): needs kafka-sasl too`:                                  {brokers, "--kafka-password=hunter2"},
		`kafka-tls-ca "ca" (flag): must be a file with certificates in PEM`:                  {brokers, "--kafka-tls", "--kafka-tls-ca=ca"},
		`kafka-tls-ca "gone" (flag): cannot be read: `:                                       {brokers, "--kafka-tls", "--kafka-tls-ca=gone"},
		`kafka-topic "x" (flag): needs kafka-brokers too`:                                    {"--kafka-topic=x"},
		`kafka-balancer "murmur2" (flag): needs kafka-brokers too`:                           {"--kafka-balancer=murmur2"},
		`kafka-tls "true" (flag): needs kafka-brokers too`:                                   {"--kafka-tls"},
		`webhook-secret "***" (flag): needs webhook-url too`:                                 {"--webhook-secret=hunter2"},
		`kafka-brokers "x" (flag): must be brokers`:                                          {"--kafka-brokers=x", "--kafka-tls"},
		`webhook-url "***" (flag): must be an absolute http or https URL`:                    {"--webhook-url=x", "--webhook-secret=hunter2"},
		`kafka-password-file "gone" (flag): cannot be read: `:                                {brokers, "--kafka-sasl=plain", "--kafka-username=u", "--kafka-password-file=gone"},
		`kafka-password "***" (flag --kafka-password-file): must be printable characters`:    {brokers, "--kafka-sasl=plain", "--kafka-username=u", "--kafka-password-file=two"},
		`kafka-username "a\tb" (flag): must be printable`:                                    {brokers, "--kafka-sasl=plain", "--kafka-username=a\tb", "--kafka-password=p"},
		`kafka-sasl "plain" (environment PLATEAU_KAFKA_SASL): needs kafka-username and kafk`: {brokers},
	} {
		src := config.Sources{Args: args, ReadFile: read}
		if strings.Contains(want, "environment") {
			src.Environ = []string{"PLATEAU_KAFKA_SASL=plain"}
		}
		if strings.Contains(want, "--kafka-password-file)") {
			src.ReadFile = files(map[string]string{"two": "hunter2\nhunter3\n"})
		}
		got := mistakes(t, src)
		wantLines(t, got, want)
		if strings.Contains(strings.Join(got, ""), "hunter") {
			t.Errorf("a secret is shown: %q", got)
		}
	}
	all := mistakes(t, config.Sources{ReadFile: read, Args: []string{"--kafka-tls-ca=ca", "--kafka-sasl=plain"}})
	wantLines(t, all,
		`kafka-tls-ca "ca" (flag): needs kafka-tls too`, `kafka-tls-ca "ca" (flag): needs kafka-brokers too`,
		`kafka-tls-ca "ca" (flag): must be a file with`,
		`kafka-sasl "plain" (flag): needs kafka-username and kafka-password`, `kafka-sasl "plain" (flag): needs kafka-brokers too`)
}

func TestEventSettingsThatFitTogether(t *testing.T) {
	brokers := "--kafka-brokers=k:9092"
	for _, c := range []struct {
		args     []string
		warnings int
	}{
		{[]string{brokers, "--kafka-tls", "--kafka-sasl=plain", "--kafka-username=u", "--kafka-password-file=password"}, 0},
		{[]string{brokers, "--kafka-sasl=scram-sha-256", "--kafka-username=u", "--kafka-password-file=password"}, 0},
		{[]string{brokers, "--kafka-sasl=plain", "--kafka-username=u", "--kafka-password-file=password"}, 1}, // in the clear
		{[]string{"--webhook-url=https://a.example:81/b?c=d", "--webhook-secret-file=password"}, 0},
		{[]string{"--event-source=urn:plateau:1", "--expire-after=0", "--delete-finished-after=720h"}, 0},
	} {
		l := load(t, config.Sources{Args: c.args, ReadFile: files(map[string]string{"password": secret + "\n"})})
		if len(l.Warnings) != c.warnings {
			t.Errorf("%q: warnings %q", c.args, l.Warnings)
		}
		if c := l.Config; c.KafkaPassword != secret && c.KafkaSASL != "none" || c.WebhookSecret != secret && c.WebhookURL != "" {
			t.Errorf("%+v", c)
		}
		if strings.Contains(printed(t, l), secret) {
			t.Errorf("%q: a secret is shown", c.args)
		}
	}
}

func TestTakesValue(t *testing.T) {
	for words, want := range map[[2]string]bool{
		{"data-dir", "x"}: true, {"config", "x"}: true, {"kafka-password-file", "x"}: true, {"dir", "x"}: false, {"", "x"}: false,
		{"kafka-tls", "x"}: false, {"kafka-tls", "redirect"}: false, {"kafka-tls", "false"}: true,
		{"downloads", "x"}: false, {"downloads", "redirect"}: true, {"downloads", "true"}: true,
	} {
		if got := config.TakesValue(words[0], words[1]); got != want {
			t.Errorf("TakesValue(%q) = %v", words, got)
		}
	}
}
