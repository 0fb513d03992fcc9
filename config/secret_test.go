package config_test

import (
	"strings"
	"testing"

	"plateau/config"
)

const secret = "hunter2hunter2"

func TestSecretForms(t *testing.T) {
	read := files(map[string]string{
		"token": secret + "\n", "crlf": secret + "\r\n", "two": secret + "\n\n", "empty": "\n", "other": "other",
		"yaml": "admin-token: from-yaml\n", "yaml-file": "admin-token-file: token\n",
	})
	for _, c := range []struct {
		args, environ []string
		want, origin  string
	}{
		{[]string{"--admin-token", secret}, nil, secret, "flag"},
		{[]string{"--admin-token-file", "token"}, nil, secret, "flag --admin-token-file"},
		{[]string{"--admin-token-file", "crlf"}, nil, secret, "flag --admin-token-file"},
		{nil, []string{"PLATEAU_ADMIN_TOKEN_FILE=token"}, secret, "environment PLATEAU_ADMIN_TOKEN_FILE"},
		{[]string{"--config=yaml-file"}, nil, secret, "file yaml-file, admin-token-file"},
		// A higher source wins in either form, even over the form that the lower one uses.
		{[]string{"--admin-token-file=token"}, []string{"PLATEAU_ADMIN_TOKEN=other"}, secret, "flag --admin-token-file"},
		{[]string{"--admin-token=" + secret}, []string{"PLATEAU_ADMIN_TOKEN_FILE=other"}, secret, "flag"},
		{[]string{"--config=yaml"}, []string{"PLATEAU_ADMIN_TOKEN_FILE=token"}, secret, "environment PLATEAU_ADMIN_TOKEN_FILE"},
		// The lower one is not even read.
		{[]string{"--admin-token=" + secret}, []string{"PLATEAU_ADMIN_TOKEN_FILE=gone"}, secret, "flag"},
	} {
		l := load(t, config.Sources{Args: c.args, Environ: c.environ, ReadFile: read})
		if l.Config.AdminToken != c.want || l.Origin("admin-token") != c.origin {
			t.Errorf("%q %q: %q from %q", c.args, c.environ, l.Config.AdminToken, l.Origin("admin-token"))
		}
	}
	for want, args := range map[string][]string{
		`admin-token (flag): is given together with admin-token-file`:    {"--admin-token=a", "--admin-token-file=token", "--admin-listen=:1"},
		`admin-token-file "gone" (flag): cannot be read: `:               {"--admin-token-file=gone", "--admin-listen=:1"},
		`admin-token-file "empty" (flag): must be a file that holds the`: {"--admin-token-file=empty"},
		`admin-token "***" (flag --admin-token-file): must be printable`: {"--admin-token-file=two"},
	} {
		wantLines(t, mistakes(t, config.Sources{Args: args, ReadFile: read}), want)
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	read := files(map[string]string{"token": secret, "bad": secret + " x"})
	for _, args := range [][]string{
		{"--admin-token", secret},
		{"--admin-token-file", "token"},
		{"--admin-token", secret + " x"},
		{"--admin-token-file", "bad", "--listen", "x"},
	} {
		l, err := config.Load(config.Sources{Args: args, ReadFile: read})
		var out strings.Builder
		if err != nil {
			out.WriteString(err.Error())
		} else if err := l.WriteYAML(&out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), secret) || !strings.Contains(out.String(), "***") {
			t.Errorf("%q: %s", args, out.String())
		}
	}
}
