package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a folder may hold after others had their hands in it: said to that
// upload's client and in the log, and guessed by nobody.
func TestDamagedUploads(t *testing.T) {
	p := run(t)
	uploads := filepath.Join(p.dir, "uploads")
	for name, c := range map[string]struct {
		data    string // of an upload of 10 bytes
		damage  func(file string) error
		status  int
		head    int
		code    string
		logsWhy string
	}{
		"record that can't be parsed": {"12345", func(f string) error { return os.WriteFile(f+".info", []byte("{"), 0o600) }, 410, 410, "ERR_UPLOAD_GONE", "record"},
		"record of another upload":    {"12345", func(f string) error { return os.WriteFile(f+".info", []byte(`{"ID":"other","Size":10}`), 0o600) }, 410, 410, "ERR_UPLOAD_GONE", "other"},
		"record that can't be read": {"12345", func(f string) error {
			if err := os.Remove(f + ".info"); err != nil {
				return err
			}
			return os.Mkdir(f+".info", 0o700)
		}, 500, 423, "ERR_STORAGE_FAILED", "record"},
		"no record":            {"12345", func(f string) error { return os.Remove(f + ".info") }, 404, 404, "ERR_UPLOAD_NOT_FOUND", ""},
		"no data":              {"12345", os.Remove, 410, 410, "ERR_UPLOAD_GONE", "data file"},
		"data longer":          {"12345", func(f string) error { return os.Truncate(f, 11) }, 410, 410, "ERR_UPLOAD_GONE", "11"},
		"sealed data shorter":  {"1234567890", func(f string) error { return os.Truncate(f, 9) }, 410, 410, "ERR_UPLOAD_GONE", "9"},
		"a link out of there":  {"12345", replaceByLink, 410, 410, "ERR_UPLOAD_GONE", "regular"},
		"a folder as the data": {"12345", replaceByFolder, 410, 410, "ERR_UPLOAD_GONE", "regular"},
	} {
		t.Run(name, func(t *testing.T) {
			p := p.in(t)
			location := p.upload(c.data, "Upload-Length: 10")
			if err := c.damage(filepath.Join(uploads, idOf(location))); err != nil {
				t.Fatal(err)
			}
			for _, method := range []string{"PATCH", "GET"} {
				a := p.do(method, location, "67890", offsetStream, "Upload-Offset: 5")
				if a.status != c.status || a.code() != c.code {
					t.Errorf("%s heard %v", method, a)
				}
				if a.status == 500 && a.get("Retry-After") == "" {
					t.Errorf("%s heard no Retry-After: %v", method, a)
				}
				if strings.Contains(a.body, p.dir) {
					t.Errorf("%s heard a path: %v", method, a)
				}
			}
			if a := p.do("HEAD", location, ""); a.status != c.head || a.get("Upload-Offset") != "" {
				t.Errorf("HEAD heard %v", a)
			}
			why, _ := p.line("HEAD", location)["error"].(string)
			if !strings.Contains(why, c.logsWhy) {
				t.Errorf("the log says %q, without %q", why, c.logsWhy)
			}
		})
	}
	p.upload("x", "Upload-Length: 1")
}

func replaceByLink(f string) error {
	if err := os.Remove(f); err != nil {
		return err
	}
	return os.Symlink("/etc/hostname", f)
}

func replaceByFolder(f string) error {
	if err := os.Remove(f); err != nil {
		return err
	}
	return os.Mkdir(f, 0o700)
}

// Whoever asks while an upload is being finished waits for the finish.
func TestHeadAndGetDuringTheFinish(t *testing.T) {
	p := prepare(t, settings(t))
	finishing, release := p.blockFinish()
	p.start()
	location := p.create("Upload-Length: 5")
	patch, head, get := p.dial(), p.dial(), p.dial()
	patch.begin("PATCH", location, offsetStream, "Upload-Offset: 0", "Content-Length: 5")
	patch.send("12345")
	await(t, "the finish", finishing)
	head.begin("HEAD", location)
	get.begin("GET", location)
	until(t, "all run", func() bool { return p.Running() == 3 })
	if p.sealed(location) {
		t.Error("sealed before the event is safe")
	}
	release()
	if a := head.mustHear("HEAD"); a.status != http.StatusOK || a.get("Upload-Offset") != "5" {
		t.Errorf("HEAD heard %v", a)
	}
	if a := get.mustHear("GET"); a.status != http.StatusOK || a.body != "12345" {
		t.Errorf("GET heard %v", a)
	}
	if a := patch.mustHear("PATCH"); a.status != http.StatusNoContent {
		t.Errorf("PATCH heard %v", a)
	}
}
