package client_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"plateau/client"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options client.Options
		want    []string // one for each line
	}{
		{client.Options{Endpoint: "http://host"}, nil},
		{client.Options{Endpoint: "https://[::1]:80/x?y", Token: "abc", Metadata: map[string]string{"a": "", "b": "ü"}}, nil},
		{client.Options{}, []string{"missing"}},
		{client.Options{Endpoint: "host:8080"}, []string{"http://"}},
		{client.Options{Endpoint: "http://"}, []string{"http://HOST"}},
		{client.Options{Endpoint: "http://u:pw@host/"}, []string{"password"}},
		{client.Options{Endpoint: "http://u:pw@host:x/"}, []string{"not a URL"}},
		{client.Options{Endpoint: "http://host/#x"}, []string{"#"}},
		{client.Options{Endpoint: "http://host:99999/"}, []string{"port"}},
		{client.Options{Endpoint: "http://host:0/"}, []string{"port"}},
		{client.Options{
			Endpoint: "ftp://host", Token: "a\nb", RetryFor: -time.Second, Stall: -1, Answer: -1,
			Metadata: map[string]string{"": "x", "a b": "x", "a,b": "x", "ü": "x", "bad": "\xff"},
		}, []string{"http://", "token", "is empty", `"a b"`, `"a,b"`, "bad: the value", `"ü"`, "RetryFor", "Stall", "Answer"}},
	} {
		var lines []string
		if err := c.options.Validate(); err != nil {
			lines = strings.Split(err.Error(), "\n")
		}
		if len(lines) != len(c.want) {
			t.Errorf("%v: %q", c.options, lines)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(lines[i], want) || strings.Contains(lines[i], "pw") {
				t.Errorf("%v: %q, want %q", c.options, lines[i], want)
			}
		}
		if _, err := client.New(c.options); (err == nil) != (c.want == nil) {
			t.Errorf("%v: New says %v", c.options, err)
		}
	}
}

// A folder that can't be used costs the memory, not the upload.
func TestNoFolder(t *testing.T) {
	t.Parallel()
	p := startPlateau(t)
	path, content := sourceFile(t, "a.bin", 1000)
	file := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	uploader, said := quick(t, p.files, func(o *client.Options) { o.State = filepath.Join(file, "state") })
	address, err := uploader.Upload(bounded(t), path)
	if err != nil {
		t.Fatal(err)
	}
	p.wantOne(t, address, content)
	if w := said.of(client.Warning); len(w) != 1 || !strings.Contains(w[0].Err.Error(), "a later run") {
		t.Errorf("warnings: %v", w)
	}
}

// What tells the errors apart survives wrapping.
func TestErrors(t *testing.T) {
	t.Parallel()
	inner := errors.New("why")
	for _, err := range []error{&client.RefusedError{Err: inner}, &client.UnfinishedError{Err: inner}} {
		if !errors.Is(err, inner) || err.Error() != "why" {
			t.Errorf("%#v", err)
		}
	}
}
