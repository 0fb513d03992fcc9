package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// tusServer takes uploads of smallFile, each in one PATCH, and says of any that it is complete. Of a path below /refuse/ it takes none, and below /away/ it
// always says that it is away. Whoever comes without the token, if one is given, isn't let in.
func tusServer(t *testing.T, token string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case token != "" && r.Header.Get("Authorization") != "Bearer "+token:
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/refuse/"):
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		case strings.HasPrefix(r.URL.Path, "/away/"):
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.Method == http.MethodPost:
			w.Header().Set("Location", "x")
			w.WriteHeader(http.StatusCreated)
		case r.Method == http.MethodHead:
			w.Header().Set("Upload-Offset", strconv.Itoa(len("content")))
		default:
			n, _ := io.Copy(io.Discard, r.Body)
			w.Header().Set("Upload-Offset", strconv.FormatInt(n, 10))
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// smallFile makes a file to upload.
func smallFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUploadCommand(t *testing.T) {
	url := tusServer(t, "")
	a, b, dashed := smallFile(t, "a.txt"), smallFile(t, "b"), smallFile(t, "--quiet")
	t.Chdir(filepath.Dir(dashed))
	home := []string{"HOME=" + t.TempDir()}
	none := filepath.Join(t.TempDir(), "none")
	address := url + "/files/x\n"
	for _, c := range []struct {
		args   string
		code   int
		stdout string
		stderr []string // each is in it; a lone "" wants nothing
	}{
		{a + " --to " + url, exitOK, address, []string{a + ": uploading 7 B", "done"}},
		{"--to=" + url + "/files/ " + a + " " + b + " --quiet", exitOK, address + address, []string{""}},
		{"-quiet -to " + url + " --metadata a=b --metadata c= --retry-for 0 " + a, exitOK, address, []string{""}},
		{"--to " + url + " --quiet -- --quiet", exitOK, address, []string{""}},
		{"--quiet " + none + " " + a + " --to " + url, exitFailure, address, []string{none + ": ", "1 of 2 files uploaded, 1 refused, 0 to go on with"}},
		{"--quiet " + a + " --to " + url + "/refuse/", exitFailure, "", []string{"413"}},
		{"--quiet " + a + " --retry-for 1ms --to " + url + "/away/", exitUnfinished, "", []string{"503", "nothing of it is lost", "again and again"}},
		{"--quiet " + a + " " + a + " --to " + url, exitOK, address + address, []string{""}},
		{"--quiet " + a + " " + none + " --retry-for 1ms --to " + url + "/away/", exitFailure, "", []string{"0 of 2 files uploaded, 1 refused, 1 to go on with"}},
	} {
		got := runCommand(t, home, append([]string{"upload"}, strings.Fields(c.args)...)...)
		if got.code != c.code || got.stdout != c.stdout {
			t.Errorf("%s: %+v", c.args, got)
		}
		for _, want := range c.stderr {
			if !strings.Contains(got.stderr, want) || want == "" && got.stderr != "" {
				t.Errorf("%s: said %q, want %q", c.args, got.stderr, want)
			}
		}
	}
}

func TestUploadToken(t *testing.T) {
	const token = "s3cret"
	url, file := tusServer(t, token), smallFile(t, "a")
	args := []string{"upload", file, "--to", url, "--state", t.TempDir()}
	if got := runCommand(t, []string{"PLATEAU_TOKEN= " + token + "\n"}, args...); got.code != exitOK || strings.Contains(got.stderr, token) {
		t.Errorf("with the token: %+v", got)
	}
	inFile := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(inFile, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := runCommand(t, []string{"PLATEAU_TOKEN=other-one"}, append(args, "--token-file", inFile)...); got.code != exitOK || strings.Contains(got.stderr, token) {
		t.Errorf("with the token in a file: %+v", got)
	}
	for _, file := range []string{inFile + "x", os.DevNull} {
		if got := runCommand(t, nil, append(args, "--token-file="+file)...); got.code != exitUsage || !strings.Contains(got.stderr, "--token-file") {
			t.Errorf("with the file %s: %+v", file, got)
		}
	}
	for _, wrong := range []string{"", "other-one"} {
		got := runCommand(t, []string{"PLATEAU_TOKEN=" + wrong}, args...)
		if got.code != exitFailure || !strings.Contains(got.stderr, "401") || !strings.Contains(got.stderr, "PLATEAU_TOKEN") ||
			wrong != "" && strings.Contains(got.stderr, wrong) {
			t.Errorf("with %q: %+v", wrong, got)
		}
	}
	got := runCommand(t, []string{"PLATEAU_TOKEN=" + token + "\x01"}, args...)
	if got.code != exitUsage || !strings.Contains(got.stderr, "PLATEAU_TOKEN has characters") || strings.Contains(got.stderr, token) {
		t.Errorf("with a bad one: %+v", got)
	}
}

func TestUploadMistakes(t *testing.T) {
	for args, want := range map[string][]string{
		"":                         {"no file is named", "--to is missing"},
		"a":                        {"--to is missing"},
		"a --to":                   {"--to needs a value", "--to is missing"},
		"a --to host:80":           {"--to must begin with http://"},
		"a --to http://u:pw@host/": {"--to must not hold a user"},
		"- --to http://host":       {"standard input"},
		"a --too http://host --to=http://host --metadat x=y": {"--too; did you mean --to?", "--metadat; did you mean --metadata?"},
		"a --to http://host --metadata x --retry-for soon":   {`--metadata "x": must be KEY=VALUE`, `--retry-for "soon": must be a duration`},
		"a --to http://host --metadata x,y=z --retry-for -1s": {
			`metadata key "x,y"`, "--retry-for is negative",
		},
		"a --to http://host --quiet=yes":    {"--quiet takes no value"},
		"a --to http://host --token s3cret": {"PLATEAU_TOKEN"},
		"a --to http://host --token=s3cret": {"PLATEAU_TOKEN"},
	} {
		got := runCommand(t, []string{"HOME=/nowhere"}, append([]string{"upload"}, strings.Fields(args)...)...)
		lines := strings.Split(strings.TrimSpace(got.stderr), "\n")
		if got.code != exitUsage || got.stdout != "" || len(lines) != len(want) {
			t.Errorf("%q: %+v", args, got)
			continue
		}
		for i, w := range want {
			if !strings.HasPrefix(lines[i], "plateau: ") || !strings.Contains(lines[i], w) || strings.Contains(lines[i], "pw") || strings.Contains(lines[i], "s3cret") {
				t.Errorf("%q: line %q, want %q", args, lines[i], w)
			}
		}
	}
}

func TestUploadHelp(t *testing.T) {
	for _, args := range [][]string{{"help", "upload"}, {"upload", "--help"}, {"upload", "a", "--to", "x", "-h"}} {
		got := runCommand(t, nil, args...)
		if got.code != exitOK || got.stderr != "" || strings.Contains(got.stdout, "--data-dir") {
			t.Errorf("%q: %+v", args, got)
		}
		for _, want := range []string{"--to URL", "--metadata", "--retry-for", "--state", "--quiet", "PLATEAU_TOKEN", "Exit codes", "130"} {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("%q: no %s in\n%s", args, want, got.stdout)
			}
		}
	}
}

func TestStateFolder(t *testing.T) {
	for _, c := range []struct {
		environ []string
		want    string
	}{
		{nil, ""},
		{[]string{"HOME="}, ""},
		{[]string{"HOME=/h", "XDG_STATE_HOME=/s"}, "/s/plateau/uploads"},
		{[]string{"XDG_STATE_HOME=relative"}, ""},
	} {
		if got := stateFolder(c.environ); got != c.want {
			t.Errorf("%q: %q, want %q", c.environ, got, c.want)
		}
	}
	if got := stateFolder([]string{"HOME=/h"}); !strings.HasPrefix(got, "/h/") || !strings.HasSuffix(got, "/plateau/uploads") {
		t.Errorf("%q", got)
	}
	url := tusServer(t, "")
	got := runCommand(t, nil, "upload", smallFile(t, "a"), "--to", url)
	if got.code != exitOK || !strings.Contains(got.stderr, "--state FOLDER helps") {
		t.Errorf("without a home: %+v", got)
	}
}
