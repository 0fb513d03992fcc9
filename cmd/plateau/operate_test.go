package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// uploadTo makes an upload at a server of the test and returns its id.
func uploadTo(t *testing.T, listen, data string, length int) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listen+"/files/", strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	r.Header.Set("Upload-Length", fmt.Sprint(length))
	r.Header.Set("Upload-Metadata", "filename YQli") // "a\tb"
	r.Header.Set("Content-Type", "application/offset+octet-stream")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("the upload heard %s", answer.Status)
	}
	return strings.TrimPrefix(answer.Header.Get("Location"), "/files/")
}

// stopped ends a server and checks that it ended well.
func (p *program) stopped(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	if status := p.wait(t); status.ExitStatus() != exitOK {
		t.Errorf("ended with %v", status)
	}
}

// wantCommand runs a command that must succeed and whose output must match.
func wantCommand(t *testing.T, pattern string, args ...string) {
	t.Helper()
	got := runCommand(t, nil, args...)
	if got.code != exitOK || !regexp.MustCompile(`\A(?:`+pattern+`)\z`).MatchString(got.stdout) || got.stderr != "" {
		t.Errorf("plateau %q: %+v\nwant %s", args, got, pattern)
	}
}

// What an operator does with a data folder, beside a server and without one.
func TestOperate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	args := append(serveArgs(dir), "--durability=none", "--kafka-brokers=127.0.0.1:1") // where nobody listens
	p := start(t, "main", args...)
	listen, _ := p.await(t, "serving")["listen"].(string)
	done, open := uploadTo(t, listen, "12345", 5), uploadTo(t, listen, "123", 9)
	here := "--data-dir=" + dir
	entry := `\d{8}T\d{6}\.\d{9}Z-` + done

	wantCommand(t, `waiting  `+entry+`  `+done+`\n`, "outbox", "ls", here)
	wantCommand(t, ``, "outbox", "ls", "--dead", here)
	name := strings.Fields(runCommand(t, nil, "outbox", "ls", here).stdout)[1]
	shown := runCommand(t, nil, "outbox", "show", name, here, "--event-source=/x")
	var event struct {
		ID, Source, Type, Subject string
		Data                      struct {
			Size     int64
			Metadata map[string]string
		}
	}
	if err := json.Unmarshal([]byte(shown.stdout), &event); err != nil || event.ID != done+":finished" || event.Source != "/x" ||
		event.Subject != done || event.Data.Size != 5 || event.Data.Metadata["filename"] != "a\tb" {
		t.Errorf("%+v: %+v %v", shown, event, err)
	}
	wantCommand(t, `(?s).*`+open+`  receiving +3/9  .*`, "uploads", "ls", here)
	wantCommand(t, `(?s).*`+done+`  sealed +5/5  \S+  a\?b\n.*`, "uploads", "ls", here)
	wantCommand(t, `(?s)id +`+done+`\nstate +sealed\nbytes +5/5\n.*`, "uploads", "show", done, here)
	wantCommand(t, `0 would be removed, 0 bytes\n`, "expire", "--dry-run", here)
	wantCommand(t, `waiting  `+done+`  \S+\n1 events will be sent again\n`, "replay", "--since=1h", here)
	wantCommand(t, `0 events will be sent again\n`, "replay", "--since=2h", "--until=1h", here)
	for _, args := range [][]string{{"uploads", "rm", open, here}, {"expire", here}} {
		if got := runCommand(t, nil, args...); got.code != exitUsage || !strings.Contains(got.stderr, fmt.Sprint("process ", p.cmd.Process.Pid)) {
			t.Errorf("%q beside the server: %+v", args, got)
		}
	}
	p.stopped(t)

	// A dead entry, as a sink's refusal leaves it.
	minute := filepath.Join(dir, "outbox", "pending", name[0:4]+"-"+name[4:6]+"-"+name[6:13])
	if err := os.Rename(filepath.Join(minute, name), filepath.Join(dir, "outbox", "dead", name)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "outbox", "dead", name+".reason"), []byte("refused\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantCommand(t, `dead     `+entry+`  `+done+`  refused\n`, "outbox", "ls", here)
	wantCommand(t, `waiting  `+entry+`\n`, "outbox", "retry", "--all", here)
	wantCommand(t, `waiting  `+entry+`  `+done+`\n`, "outbox", "ls", here)
	wantCommand(t, `removed  `+open+`  3 bytes\n1 removed, 3 bytes\n`, "expire", here, "--expire-after=1ns")
	if got := runCommand(t, nil, "uploads", "show", open, here); got.code != exitFailure || got.stderr == "" {
		t.Errorf("of an expired upload: %+v", got)
	}
	wantCommand(t, `removed  `+done+`\n`, "uploads", "rm", done, here)
	wantCommand(t, `waiting  `+entry+`  `+done+`\n`, "outbox", "ls", here) // the event stays
	wantCommand(t, ``, "uploads", "ls", here)
}

func TestOperateMistakes(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "uploads"), 0o700); err != nil {
		t.Fatal(err)
	}
	for args, c := range map[string]struct {
		code int
		says string
	}{
		"outbox":                               {exitUsage, "say what to do: ls, show, retry"},
		"outbox lst":                           {exitUsage, "did you mean ls?"},
		"outbox ls x":                          {exitUsage, `"x" is not expected here`},
		"outbox show":                          {exitUsage, "say which event"},
		"outbox show nothing":                  {exitFailure, "nothing"},
		"outbox show ../lock":                  {exitFailure, "../lock"},
		"outbox retry":                         {exitUsage, "say which event"},
		"outbox retry nothing":                 {exitFailure, "nothing"},
		"replay":                               {exitUsage, "--since is missing"},
		"replay --since yesterday":             {exitUsage, `is "yesterday"`},
		"replay --since 1h --until 2h":         {exitUsage, "must be before"},
		"replay x --since 1h":                  {exitUsage, "not expected"},
		"uploads rm":                           {exitUsage, "say which upload"},
		"uploads rm nothing":                   {exitFailure, "nothing"},
		"uploads show ../lock":                 {exitFailure, ""},
		"outbox ls --all":                      {exitUsage, "--all is of retry, not of ls"},
		"outbox show --dead x":                 {exitUsage, "--dead is of ls, not of show"},
		"expire now":                           {exitUsage, "not expected"},
		"expire --dry-run=perhaps":             {exitUsage, "true or false"},
		"uploads ls --expire-afte 1h":          {exitUsage, "did you mean --expire-after?"},
		"uploads ls --expire-after soon":       {exitUsage, "expire-after"},
		"outbox ls --data-dir /nowhere/at/all": {exitFailure, "/nowhere/at/all"},
	} {
		words := strings.Fields(args)
		if !strings.Contains(args, "--data-dir") {
			words = append(words, "--data-dir="+dir)
		}
		if got := runCommand(t, nil, words...); got.code != c.code || got.stdout != "" || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%s: %+v", args, got)
		}
	}
	for _, command := range []string{"outbox", "replay", "uploads", "expire"} {
		for _, args := range [][]string{{"help", command}, {command, "--help"}} {
			got := runCommand(t, nil, args...)
			if got.code != exitOK || !strings.Contains(got.stdout, "Usage: plateau "+command) || !strings.Contains(got.stdout, "--data-dir FOLDER") {
				t.Errorf("%q: %+v", args, got)
			}
		}
	}
}

// A wrong bucket is a mistake of the settings, as it is for serve.
func TestOperateOnTheWrongBucket(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	s3 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>"))
	}))
	defer s3.Close()
	for _, args := range []string{"uploads ls", "uploads show a+0", "uploads rm a+0", "outbox ls", "expire", "expire --dry-run", "replay --since 1h"} {
		got := runCommand(t, nil, append(strings.Fields(args), "--store=s3", "--s3-bucket=none-such", "--s3-endpoint="+s3.URL)...)
		if got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, "bucket none-such: there is no such bucket") {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

// How soon a server takes events up depends on where they wait.
func TestHelpSaysHowSoonEventsAreSent(t *testing.T) {
	for _, command := range []string{"outbox", "replay"} {
		help := strings.Join(strings.Fields(runCommand(t, nil, "help", command).stdout), " ")
		if !strings.Contains(help, "within seconds, with --store s3 within half a minute") {
			t.Errorf("%s: %s", command, help)
		}
	}
}

// What is spared is said only where something is.
func TestExpireSaysWhatItSpares(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	object := "019ae0000000" + strings.Repeat("0", 20)
	now := time.Now().UTC().Format(time.RFC3339)
	s3 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.URL.Path, "/uploads/")
		switch {
		case r.URL.Query().Has("list-type"):
			fmt.Fprintf(w, "<ListBucketResult><Contents><Key>%s.info</Key><Size>2</Size><LastModified>%s</LastModified></Contents></ListBucketResult>", object, now)
		case r.URL.Query().Has("uploads"):
			fmt.Fprint(w, "<ListMultipartUploadsResult/>")
		case r.Method == http.MethodGet && key == object+".info":
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			fmt.Fprintf(w, `{"ID":"%[1]s+0","Size":9,"Offset":0,"MetaData":{},"Storage":{"Type":"s3store","Bucket":"uploads","Key":"%[1]s","Plateau":"1","Created":"%[2]s"}}`, object, now)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer s3.Close()
	for after, want := range map[string]string{
		"1ns": "0 would be removed, 0 bytes\n1 unfinished kept: their last byte is younger than an hour\n",
		"24h": "0 would be removed, 0 bytes\n",
	} {
		got := runCommand(t, nil, "expire", "--dry-run", "--store=s3", "--s3-bucket=uploads", "--s3-endpoint="+s3.URL, "--expire-after="+after)
		if got.code != exitOK || got.stdout != want {
			t.Errorf("--expire-after=%s: %+v", after, got)
		}
	}
}
