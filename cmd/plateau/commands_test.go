package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"plateau/config"
)

// outcome is what a command did.
type outcome struct {
	code           int
	stdout, stderr string
}

func runCommand(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	var stdout, stderr strings.Builder
	code := run(t.Context(), process{args: args, environ: environ, stdout: &stdout, stderr: &stderr})
	return outcome{code, stdout.String(), stderr.String()}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{
		{"help"},
		{"--help"},
		{"-h"},
		{"help", "serve"},
		{"serve", "--help"},
		{"serve", "--listen=x", "-h"},
		{"config", "--help"},
		{"healthcheck", "--help"},
	} {
		got := runCommand(t, nil, args...)
		if got.code != exitOK || got.stderr != "" || !strings.Contains(got.stdout, "--data-dir FOLDER") ||
			!strings.Contains(got.stdout, "default ./data") {
			t.Errorf("%q: %+v", args, got)
		}
	}
	for _, args := range [][]string{{"version", "--help"}, {"help", "version"}} {
		if got := runCommand(t, nil, args...); got.code != exitOK || strings.Contains(got.stdout, "--data-dir") {
			t.Errorf("%q: %+v", args, got)
		}
	}
	all := runCommand(t, nil, "help").stdout
	for _, c := range subcommands() {
		if !strings.Contains(all, "  "+c.name) {
			t.Errorf("help does not name %s", c.name)
		}
	}
}

func TestUnknownCommand(t *testing.T) {
	for args, nearest := range map[string]string{"sevre": "serve", "help confg": "config", "health": "healthcheck"} {
		got := runCommand(t, nil, strings.Fields(args)...)
		if got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, "did you mean "+nearest+"?") {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

func TestVersion(t *testing.T) {
	form := regexp.MustCompile(`^plateau \S+ go\S+( X:\S+)? \w+/\w+\n$`)
	for _, arg := range []string{"version", "--version"} {
		if got := runCommand(t, nil, arg); got.code != exitOK || !form.MatchString(got.stdout) {
			t.Errorf("%s: %+v", arg, got)
		}
	}
	if got := runCommand(t, nil, "version", "x"); got.code != exitUsage {
		t.Errorf("version x: %+v", got)
	}
}

func TestPrintConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plateau.yaml")
	if err := os.WriteFile(file, []byte("max-size: 1GiB\nadmin-token: hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := runCommand(t, []string{"PLATEAU_LOG_FORMAT=json", "PLATEAU_LOGLEVEL=x"}, "config", "--config", file, "--listen=:0", "--auth", "none")
	if got.code != exitOK {
		t.Fatalf("%+v", got)
	}
	for _, line := range []string{
		"listen: \":0\"  # flag", "log-format: json  # environment PLATEAU_LOG_FORMAT",
		"max-size: 1GiB  # file " + file, "admin-token: \"***\"  # file " + file, "data-dir: ./data  # default",
	} {
		if !strings.Contains(got.stdout, line+"\n") {
			t.Errorf("no line %q in\n%s", line, got.stdout)
		}
	}
	if strings.Contains(got.stdout, "hunter2") {
		t.Errorf("a secret is shown:\n%s", got.stdout)
	}
	if !strings.Contains(got.stderr, "PLATEAU_LOG_LEVEL") || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("warnings: %s", got.stderr)
	}
}

func TestMistakesExitWith2(t *testing.T) {
	for _, command := range []string{"serve", "config"} {
		got := runCommand(t, []string{"PLATEAU_MAX_SIZE=lots"}, command, "--lisen", ":80", "--idle-timeout", "soon")
		lines := strings.Split(strings.TrimSpace(got.stderr), "\n")
		if got.code != exitUsage || got.stdout != "" || len(lines) != 3 {
			t.Errorf("%s: %+v", command, got)
		}
		for _, line := range lines {
			if !strings.HasPrefix(line, "plateau: ") {
				t.Errorf("%s: line %q", command, line)
			}
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, exitOK},
		{errors.New("any"), exitFailure},
		{fmt.Errorf("start: %w", &config.Mistakes{}), exitUsage},
		{errors.Join(errors.New("any"), &config.Mistakes{}), exitUsage},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}
